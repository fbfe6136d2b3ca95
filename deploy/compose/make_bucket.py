"""Make the bucket that BLOB_URL names, where it is missing."""

from __future__ import annotations

from botocore.exceptions import ClientError

from corpus.errors import Misconfigured
from corpus.originals.bucket.address import parse_blob_url
from corpus.originals.bucket.client import open_clients
from corpus.settings import Settings

_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def make_bucket(settings: Settings) -> str:
    """The bucket's name, once it is there. Raises `Misconfigured`, and boto3's errors."""
    if settings.blob_url is None:
        raise Misconfigured("BLOB_URL is empty.", hint="Set it to s3://bucket?endpoint=...")
    address = parse_blob_url(settings.blob_url)
    try:
        open_clients(address, settings).patient.create_bucket(Bucket=address.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _THERE:
            raise
    return address.bucket


if __name__ == "__main__":
    print(f"The bucket {make_bucket(Settings())} is there.")
