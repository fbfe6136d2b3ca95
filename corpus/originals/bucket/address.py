"""BLOB_URL: s3://bucket/prefix?region=...&endpoint=..., with the names of Go CDK's URLs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from corpus.errors import Misconfigured

_HINT = (
    "Set BLOB_URL to s3://bucket/prefix?region=eu-central-1, for other servers than Amazon's with "
    "&endpoint=https://host:9000; or leave it empty."
)
_KEYS_HINT = (
    "Leave keys out of BLOB_URL: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have them, or what "
    "else Amazon's tools read."
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_OPTIONS = ("region", "endpoint", "use_path_style", "ssetype", "kmskeyid")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where originals are. `prefix` is empty or ends with a slash; without an `endpoint`, Amazon.

    `encryption` is how the server encrypts them at rest: "AES256" or "aws:kms" (then with
    `kms_key_id`, if that is not empty), or as the bucket says when it is empty.
    """

    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    path_style: bool | None = None
    encryption: str = ""
    kms_key_id: str = ""

    @property
    def shown(self) -> str:
        """For people; it has no secrets."""
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/") + at


def parse_blob_url(url: str) -> BucketAddress:
    """Raises `Misconfigured`, with nothing of the URL that may be a secret."""
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None:
            raise Misconfigured("BLOB_URL has a user or a key in it.", hint=_KEYS_HINT)
        options = _options(parts.query)
    except ValueError:
        raise Misconfigured("BLOB_URL is not a URL.", hint=_HINT) from None
    if parts.scheme != "s3":
        raise Misconfigured("BLOB_URL does not begin with s3://.", hint=_HINT)
    if not _BUCKET.fullmatch(parts.netloc):
        raise Misconfigured("BLOB_URL names no bucket after s3://.", hint=_HINT)
    prefix = unquote(parts.path).strip("/")
    path_style = options.get("use_path_style")
    return BucketAddress(
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
        region=options.get("region", ""),
        endpoint=_endpoint(options.get("endpoint", "")),
        path_style=None if path_style is None else _TRUTH[path_style],
        encryption=options.get("ssetype", ""),
        kms_key_id=options.get("kmskeyid", ""),
    )


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        # Not their values: one may be a key.
        raise Misconfigured(
            f"BLOB_URL has unknown options: {', '.join(unknown)}.",
            hint=f"Known are {', '.join(_OPTIONS)}. {_KEYS_HINT}",
        )
    if options.get("use_path_style", "true") not in _TRUTH:
        raise Misconfigured("BLOB_URL: use_path_style is neither true nor false.", hint=_HINT)
    return options


def _endpoint(endpoint: str) -> str:
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if parts.username is not None or parts.password is not None:
        raise Misconfigured("BLOB_URL has a user or a key in its endpoint.", hint=_KEYS_HINT)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Misconfigured("BLOB_URL: the endpoint is no http:// or https:// address.", hint=_HINT)
    return endpoint.rstrip("/")
