"""Who a person in Slack is elsewhere: by their e-mail address, where the operator wants that."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.settings import Settings
from service.slack.bot_token import BotToken
from service.slack.calling import SLACK_ERRORS, reason_of

log = logging.getLogger("lectern.slack")

# An address that was taken away counts for so long, seconds.
KEPT_S = 600.0
# Where Slack did not say, it is asked again after so long.
FAILED_S = 10.0
MAX_KEPT = 10_000

# Guests, people of other organisations and programs may call themselves anything.
_NOT_MEMBERS = (
    "deleted",
    "is_bot",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
)


class People:
    """Asks Slack for addresses (`users:read.email`), and remembers them for a while."""

    def __init__(self, settings: Settings, token: BotToken) -> None:
        self._token = token
        self._is_wanted = settings.slack_emails == "on"
        # Until when it counts, by the clock of the process.
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    async def also(self, client: AsyncWebClient, user_id: str) -> frozenset[str]:
        """Further principals that a person is: `user:ann@example.org`; none where Slack is away."""
        if not self._is_wanted:
            return frozenset()
        known = self._known.get(user_id)
        if known is None or time.monotonic() > known[0]:
            try:
                known = (time.monotonic() + KEPT_S, await self._asked(client, user_id))
            except SLACK_ERRORS as error:
                log.warning("Slack does not tell who somebody is: %s", reason_of(error))
                known = (time.monotonic() + FAILED_S, frozenset())
            self._known[user_id] = known
            if len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        return known[1]

    async def _asked(self, client: AsyncWebClient, user_id: str) -> frozenset[str]:
        told = await client.users_info(user=user_id)
        user: dict[str, Any] = told.get("user") or {}
        email = (user.get("profile") or {}).get("email") or ""
        is_member = (
            self._token.is_ours(str(user.get("team_id") or ""))
            and user.get("is_email_confirmed") is not False
            and not any(user.get(one) for one in _NOT_MEMBERS)
        )
        return frozenset({f"user:{email.lower()}"}) if email and is_member else frozenset()
