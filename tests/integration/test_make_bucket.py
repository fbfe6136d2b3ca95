"""The script with which deploy/compose/production.yml makes the bucket."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

from tests.bucket import KEY_ID, SECRET, BucketServer
from tests.conftest import ROOT


def test_a_missing_bucket_is_made_and_one_that_is_there_stays(bucket_server: BucketServer) -> None:
    name = f"lectern-{uuid4().hex[:12]}"
    environment = {
        "BLOB_URL": f"s3://{name}?endpoint={bucket_server.url}",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "PYTHONPATH": str(ROOT),
    }
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(ROOT / "deploy/compose/make_bucket.py")],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        assert name in done.stdout
        client = bucket_server.client("s3")
        assert name in {one["Name"] for one in client.list_buckets()["Buckets"]}
