"""Calls of Slack's Web API: one session for all, and how long an answer waits for it."""

from __future__ import annotations

from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.web.async_client import AsyncWebClient

API_TIMEOUT_S = 15.0
# What one answer waits for Slack's rate limits at most, in sum; it holds its place meanwhile.
PATIENCE_S = 60.0
RATE_LIMIT_TRIES = 5
# When the service ends, for a word to whoever waits.
LAST_WORD_S = 3.0
# What a call of Slack's API may raise.
SLACK_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError)
# With these, no call has a chance: Slack's names for a token that is wrong, or no longer right.
REFUSALS = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}
)
# With these, no other way of writing there would work: there is no such place, or nobody lets it.
HOPELESS = REFUSALS | {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "cannot_reply_to_message",
    "messages_tab_disabled",
    "ekm_access_denied",
}
# Said twice, this would stand in the message twice; a message is edited instead.
_NOT_AGAIN = "chat.appendStream"
# Whether Slack had them is not known of a connection that was lost: there would be two messages.
_POSTING = ("chat.postMessage", "chat.startStream", "chat.postEphemeral")


def open_session() -> aiohttp.ClientSession:
    """The session of all calls; close it. Inside a running event loop."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=API_TIMEOUT_S))


def patient(client: AsyncWebClient, patience_s: float = PATIENCE_S) -> AsyncWebClient:
    """A client for one answer: it waits for rate limits, no longer than so many seconds in sum."""
    return AsyncWebClient(
        token=client.token,
        base_url=client.base_url,
        timeout=client.timeout,
        ssl=client.ssl,
        proxy=client.proxy,
        session=client.session,
        headers=dict(client.headers),
        logger=client.logger,
        retry_handlers=[_RateLimits(patience_s), _ServerErrors(), _LostConnections()],
    )


def reason_of(error: BaseException) -> str:
    """Slack's name for what is wrong, or the error's."""
    try:
        return str(error.response["error"])  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - a response may be anything that a proxy sent
        return type(error).__name__


def retry_after_s(error: BaseException) -> float | None:
    """How long Slack wants no further call, in seconds; None where that is not what is wrong."""
    if not isinstance(error, SlackApiError):
        return None
    response = error.response
    if getattr(response, "status_code", 0) != 429:  # a proxy's answer may be no response of Slack's
        return None
    return _seconds(getattr(response, "headers", {}).get("Retry-After"))


class _RateLimits(AsyncRateLimitErrorRetryHandler):
    """Waits as long as Slack says, while there is patience left; then the call fails."""

    def __init__(self, patience_s: float) -> None:
        super().__init__(max_retry_count=RATE_LIMIT_TRIES)
        self._left_s = patience_s

    async def _can_retry_async(self, **call: Any) -> bool:  # noqa: ANN401  Slack's
        if not await super()._can_retry_async(**call):
            return False
        wanted_s = _wanted_s(call["response"])
        if self._left_s <= 0 or wanted_s > self._left_s:
            return False
        self._left_s -= wanted_s
        return True


class _ServerErrors(AsyncServerErrorRetryHandler):
    async def _can_retry_async(self, **call: Any) -> bool:  # noqa: ANN401  Slack's
        return _may_be_repeated(call["request"]) and await super()._can_retry_async(**call)


class _LostConnections(AsyncConnectionErrorRetryHandler):
    async def _can_retry_async(self, **call: Any) -> bool:  # noqa: ANN401  Slack's
        was_sent = not isinstance(call.get("error"), aiohttp.ClientConnectorError)
        if was_sent and call["request"].url.endswith(_POSTING):
            return False
        return _may_be_repeated(call["request"]) and await super()._can_retry_async(**call)


def _may_be_repeated(request: HttpRequest) -> bool:
    return not request.url.endswith(_NOT_AGAIN)


def _wanted_s(response: HttpResponse) -> float:
    """Seconds until the next call, as the SDK waits; its sleep adds up to one at random."""
    for name, values in response.headers.items():
        if name.lower() == "retry-after":
            return _seconds(values[0] if isinstance(values, list) else values)
    return 1.0


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 1.0))
    except ValueError:
        return 1.0
