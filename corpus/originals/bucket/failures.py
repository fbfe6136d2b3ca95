"""What a bucket's server and the way to it say, in our words.

Who reads them is who can mend them: `lectern doctor` and the log name the cause and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from corpus.errors import StorageUnavailable
from corpus.originals.bucket.address import BucketAddress

_KEY = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."
_RIGHTS = (
    "Let the key list the bucket and its multipart uploads, and get, put and delete its objects."
)
_REGION = "Set the bucket's region: &region=... in BLOB_URL, or AWS_REGION."
_ADDRESS = "Check the endpoint in BLOB_URL (or AWS_ENDPOINT_URL_S3), and that the server runs."
_LATER = "It is tried again by itself; if it stays, look at that server."

Row = tuple[str, str]

# By the code in the server's answer; HEAD answers have a status alone.
_BY_CODE: Mapping[str, Row] = {
    "NoSuchBucket": ("the bucket does not exist", "Make the bucket, or correct BLOB_URL."),
    "InvalidAccessKeyId": ("it does not know the access key", _KEY),
    "SignatureDoesNotMatch": ("the secret key is not that of the access key", _KEY),
    "InvalidToken": ("it does not take the session token", _KEY),
    "ExpiredToken": ("the session token has expired", _KEY),
    "InvalidObjectState": (
        "the object is archived (Glacier)",
        "Restore it there, and let no lifecycle rule archive what is below this prefix.",
    ),
    "AccessDenied": ("the key may not do this", _RIGHTS),
    "403": ("the key may not do this, or is not known", f"{_KEY} {_RIGHTS}"),
    "RequestTimeTooSkewed": (
        "this machine's clock differs from its clock by more than it accepts",
        "Set the clock: have it follow a time server (NTP).",
    ),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "301": ("the bucket is in another region", _REGION),
    "XMinioStorageFull": ("it is full", "Free space there."),
    "QuotaExceeded": ("its quota is used up", "Free space there, or raise the quota."),
    "507": ("it is full", "Free space there."),
}

# In this order: the first class that fits.
_BY_CLASS: tuple[tuple[type[BotoCoreError], Row], ...] = (
    (aws.NoCredentialsError, ("there are no credentials for it", _KEY)),
    (aws.ProfileNotFound, ("AWS_PROFILE names no profile of this machine", _KEY)),
    (aws.CredentialRetrievalError, ("its credentials could not be fetched", _KEY)),
    (aws.NoRegionError, ("its region is not known", _REGION)),
    (aws.InvalidRegionError, ("its region is no region", _REGION)),
    (aws.ReadTimeoutError, ("it takes too long to answer", _LATER)),
    (aws.ConnectTimeoutError, ("its host does not answer", _ADDRESS)),
    (aws.SSLError, ("its certificate is not trusted here", "AWS_CA_BUNDLE names one of your own.")),
    (aws.ConnectionError, ("it cannot be reached", _ADDRESS)),
    (aws.HTTPClientError, ("the connection broke off", _LATER)),
)

_AWAY = (aws.ReadTimeoutError, aws.ConnectTimeoutError, aws.ConnectionError, aws.HTTPClientError)
# An answer that is not S3's XML, or has something in it that is no time, or no number.
_UNREADABLE = (ResponseParserError, ValueError)
_TOO_MANY = 429
_AT_FAULT = 500


@contextmanager
def bucket_errors(address: BucketAddress, failure: str) -> Iterator[None]:
    """Errors of the client as `StorageUnavailable`; `failure` begins its sentence."""
    try:
        yield
    except S3UploadFailedError as error:  # it stands before the one that has the cause
        cause = error.__cause__ or error.__context__
        raise _said(cause or error, address, failure) from error
    except (ClientError, BotoCoreError, *_UNREADABLE) as error:
        raise _said(error, address, failure) from error


def is_away(error: StorageUnavailable) -> bool:
    """Whether the server said nothing, or that it is busy: it may be back without anybody's doing.

    What it refuses (no such bucket, another key) stays so until somebody corrects it.
    """
    cause = error.__cause__
    if isinstance(cause, ClientError):
        status = int(cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        is_known = code_of(cause) in _BY_CODE or str(status) in _BY_CODE
        return not is_known and (status == _TOO_MANY or status >= _AT_FAULT)
    return isinstance(cause, _AWAY) and not isinstance(cause, aws.SSLError)


def code_of(error: ClientError) -> str:
    """The server's code, or the status where the answer has none."""
    response: Mapping[str, Any] = error.response
    return str(response.get("Error", {}).get("Code", ""))


def _said(error: BaseException, address: BucketAddress, failure: str) -> StorageUnavailable:
    cause, hint = _row(error)
    return StorageUnavailable(f"{failure}: {address.shown}: {cause}.", hint=hint)


def _row(error: BaseException) -> Row:
    if isinstance(error, ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        return _BY_CODE.get(code) or _BY_CODE.get(str(status)) or _unforeseen(code, str(status))
    if isinstance(error, _UNREADABLE):
        return "it does not answer as S3 does", _ADDRESS
    found = (row for kind, row in _BY_CLASS if isinstance(error, kind))
    # The class alone: the text may have a URL that is signed.
    return next(found, (f"it cannot be used ({type(error).__name__})", _LATER))


def _unforeseen(code: str, status: str) -> Row:
    return f"it answered {code or status}", _LATER
