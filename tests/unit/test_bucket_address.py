from __future__ import annotations

import pytest

from corpus.errors import Misconfigured
from corpus.originals.bucket.address import BucketAddress, parse_blob_url


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("s3://docs", BucketAddress("docs")),
        ("s3://docs/", BucketAddress("docs")),
        ("s3://docs/team/a%20b/", BucketAddress("docs", "team/a b/")),
        (
            "s3://docs/x?region=eu-west-1&endpoint=https%3A%2F%2Fminio.example.org%3A9000%2F",
            BucketAddress("docs", "x/", "eu-west-1", "https://minio.example.org:9000"),
        ),
        (
            "s3://docs?endpoint=http://127.0.0.1:9000&use_path_style=false",
            BucketAddress("docs", endpoint="http://127.0.0.1:9000", path_style=False),
        ),
        (
            "s3://docs?ssetype=aws:kms&kmskeyid=alias/docs",
            BucketAddress("docs", encryption="aws:kms", kms_key_id="alias/docs"),
        ),
    ],
)
def test_a_url_names_a_bucket_and_where_it_is(url: str, meant: BucketAddress) -> None:
    assert parse_blob_url(url) == meant


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://AKIDSECRET:wordSECRET@docs/x", "has a user or a key"),
        ("s3://AKIDSECRET@docs", "has a user or a key"),
        ("s3://docs?endpoint=http://SECRET:word@host", "in its endpoint"),
        ("s3://docs?secret_access_key=SECRET", "unknown options: secret_access_key"),
        ("s3://docs?region=a&use_path_style=SECRET", "neither true nor false"),
        ("s3://docs?endpoint=SECRET:9000", "no http:// or https:// address"),
        ("s3://docs?SECRET", "is not a URL"),
        ("s3://[docs", "is not a URL"),
        ("s3://", "names no bucket"),
        ("s3:///docs", "names no bucket"),
        ("s3://do cs", "names no bucket"),
        ("docs", "does not begin with s3://"),
        ("gs://docs", "does not begin with s3://"),
    ],
)
def test_what_is_no_such_url_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as refused:
        parse_blob_url(url)
    assert "SECRET" not in refused.value.detail + refused.value.hint.replace("_SECRET_", "")
    assert "BLOB_URL" in refused.value.detail


def test_what_is_shown_is_where_it_is() -> None:
    address = parse_blob_url("s3://docs/x?endpoint=https://minio:9000")
    assert address.shown == "s3://docs/x at https://minio:9000"
    assert parse_blob_url("s3://docs").shown == "s3://docs"
