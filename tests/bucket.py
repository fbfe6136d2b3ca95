"""An S3-compatible server for tests: moto's, a process of its own on a loopback port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
import httpx

START_LIMIT_S = 60.0
MARK = "originals/installation"
REGION = "eu-central-1"
KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI-EXAMPLEKEY"


@dataclass(frozen=True)
class BucketServer:
    """Takes any key until `require_keys`."""

    url: str
    pid: int

    def new_bucket(self) -> Bucket:
        """An empty one."""
        name = f"lectern-{uuid4().hex[:12]}"
        where = {"LocationConstraint": REGION}
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return Bucket(self, name)

    def new_key(self, *rights: str) -> dict[str, str]:
        """The environment with a key that may do this, say s3:GetObject."""
        iam, name = self.client("iam"), f"user-{uuid4().hex[:12]}"
        iam.create_user(UserName=name)
        if rights:
            allowed = {"Effect": "Allow", "Action": rights, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
            iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def require_keys(self) -> None:
        """Check signatures and rights from now on."""
        httpx.post(f"{self.url}/moto-api/reset-auth", content=b"0").raise_for_status()

    @cache  # noqa: B019  there are few servers
    def client(self, service: str) -> Any:  # noqa: ANN401  boto3 has no types
        """A client of the server's own."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )


@dataclass(frozen=True)
class Bucket:
    """One bucket of the server, looked into behind Lectern's back."""

    server: BucketServer
    name: str

    def settings(self, prefix: str = "", *, endpoint: str | None = None) -> dict[str, str]:
        """The environment that makes Lectern use it, perhaps by way of another address."""
        url = f"s3://{self.name}/{prefix}?region={REGION}&endpoint={endpoint or self.server.url}"
        return {"BLOB_URL": url, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}

    def names(self) -> list[str]:
        """The names of all its objects but the mark."""
        found = self.server.client("s3").list_objects_v2(Bucket=self.name)
        names = [one["Key"] for one in found.get("Contents", ())]
        return [name for name in names if not name.endswith(MARK)]

    def owner(self, prefix: str = "") -> str:
        """What the mark says."""
        found = self.server.client("s3").get_object(Bucket=self.name, Key=prefix + MARK)
        content: bytes = found["Body"].read()
        return content.decode()

    def put(self, key: str, content: bytes) -> None:
        self.server.client("s3").put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.server.client("s3").delete_object(Bucket=self.name, Key=key)

    def head(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.client("s3").head_object(Bucket=self.name, Key=key)
        return found

    def uploads(self) -> list[str]:
        """The names of objects that are being uploaded in parts."""
        found = self.server.client("s3").list_multipart_uploads(Bucket=self.name)
        return [one["Key"] for one in found.get("Uploads", ())]

    def begin_upload(self, key: str) -> None:
        """Upload a first part, and never the rest."""
        s3 = self.server.client("s3")
        begun = s3.create_multipart_upload(Bucket=self.name, Key=key)
        part = {"UploadId": begun["UploadId"], "PartNumber": 1, "Body": b"half of a file"}
        s3.upload_part(Bucket=self.name, Key=key, **part)


@contextmanager
def own_bucket_server() -> Iterator[BucketServer]:
    """A started server without buckets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "MOTO_S3_CUSTOM_ENDPOINTS": f"http://127.0.0.1:{port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = BucketServer(f"http://127.0.0.1:{port}", process.pid)
    try:
        _wait_for(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for(server: BucketServer, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, "the server ended"
        try:
            httpx.get(f"{server.url}/moto-api/", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")
