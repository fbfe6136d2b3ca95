"""Documents come, change and go while processes are killed; then everything is accounted for.

`python -m bench.chaos` runs it (bench/chaos/__main__.py says how).
"""
