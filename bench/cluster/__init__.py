"""The production profile under faults: replicas and workers on Postgres, a bucket and Qdrant.

`python -m bench.cluster` runs it (bench/cluster/__main__.py says how).
"""
