"""Files made to break parsers, and honest ones that were damaged: what becomes of each.

`python -m bench.hostile` runs them (bench/hostile/__main__.py says how).
"""
