"""Boto3's client for one bucket: who we are, how long we wait, how often we try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from pydantic import SecretStr

from corpus.errors import Misconfigured
from corpus.originals.bucket.address import BucketAddress
from corpus.originals.bucket.failures import bucket_errors
from corpus.settings import Settings

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 15.0  # between two pieces of an answer, or until it begins
TRIES = 3

# While a transaction waits for the answer: together less than the 15 s that others wait for it.
SHORT_CONNECT_TIMEOUT_S = 2.0
SHORT_READ_TIMEOUT_S = 4.0
SHORT_TRIES = 2

CONNECTIONS = 16  # kept open at most

# Servers other than Amazon's ignore it, but a signature needs one.
_ANY_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Clients:
    """Two clients of the same bucket; threads may share them.

    `patient` moves files and lists; `short` asks and deletes, perhaps within a transaction.
    """

    patient: Any
    short: Any


def open_clients(address: BucketAddress, settings: Settings) -> Clients:
    """Nothing is sent yet. Raises `Misconfigured` for a key without its secret, or the reverse.

    Raises `StorageUnavailable` when credentials cannot be found otherwise.
    """
    secret = _secret(settings.aws_secret_access_key)
    if bool(secret) != bool(settings.aws_access_key_id):
        raise Misconfigured(
            "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set.",
            hint="Set both, or neither where Amazon's tools find others.",
        )
    with bucket_errors(address, "The bucket cannot be used"):
        session = boto3.session.Session(
            aws_access_key_id=settings.aws_access_key_id or None,
            aws_secret_access_key=secret,
            aws_session_token=_secret(settings.aws_session_token),
            region_name=address.region or settings.aws_region or None,
        )
        endpoint = address.endpoint or settings.aws_endpoint_url_s3 or _configured_endpoint(session)
        config = _config(address, is_amazon=endpoint is None)
        region = session.region_name or (None if endpoint is None else _ANY_REGION)

        def client(*, connect_s: float, read_s: float, tries: int) -> object:
            limits = Config(
                connect_timeout=connect_s,
                read_timeout=read_s,
                retries={"mode": "standard", "total_max_attempts": tries},
            )
            return session.client(
                "s3", endpoint_url=endpoint, region_name=region, config=config.merge(limits)
            )

        return Clients(
            client(connect_s=CONNECT_TIMEOUT_S, read_s=READ_TIMEOUT_S, tries=TRIES),
            client(
                connect_s=SHORT_CONNECT_TIMEOUT_S, read_s=SHORT_READ_TIMEOUT_S, tries=SHORT_TRIES
            ),
        )


def _configured_endpoint(session: boto3.session.Session) -> str | None:
    """Where AWS_ENDPOINT_URL, or a profile, has requests go; None: to Amazon."""

    def endpoint(**config: bool) -> str:
        # With a key that signs nothing: without one, somebody would be asked for credentials.
        client: Any = session.client(
            "s3",
            region_name=session.region_name or _ANY_REGION,
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
            config=Config(**config),
        )
        return str(client.meta.endpoint_url)

    found = endpoint()
    return None if found == endpoint(ignore_configured_endpoint_urls=True) else found


def _config(address: BucketAddress, *, is_amazon: bool) -> Config:
    # Beside Amazon few servers have a name in DNS for each bucket.
    path_style = address.path_style if address.path_style is not None else not is_amazon
    return Config(
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if path_style else "virtual",
            # The server compares what came in with the hash that was signed.
            "payload_signing_enabled": True,
        },
        # Newer checksums are in trailers, which several servers refuse; that hash says the same.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=CONNECTIONS,
        user_agent_extra="lectern",
    )


def _secret(value: SecretStr | None) -> str | None:
    return (value.get_secret_value() or None) if value is not None else None
