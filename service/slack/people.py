"""Who a person in Slack is elsewhere: by their e-mail address, where the operator wants that."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict

from slack_sdk.web.async_client import AsyncWebClient

from corpus.settings import Settings
from service.slack.calling import SLACK_ERRORS, reason_of

log = logging.getLogger("lectern.slack")

# An address that was taken away counts for so long, seconds.
KEPT_S = 600.0
MAX_KEPT = 10_000


class People:
    """Asks Slack for addresses (`users:read.email`), and remembers them for a while."""

    def __init__(self, settings: Settings) -> None:
        self._is_wanted = settings.slack_emails == "on"
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    async def also(self, client: AsyncWebClient, user_id: str) -> frozenset[str]:
        """Further principals that a person is: `user:ann@example.org`; none where Slack is away."""
        if not self._is_wanted:
            return frozenset()
        known = self._known.get(user_id)
        if known is None or time.monotonic() - known[0] > KEPT_S:
            try:
                known = (time.monotonic(), await _asked(client, user_id))
            except SLACK_ERRORS as error:
                log.warning("Slack does not tell who somebody is: %s", reason_of(error))
                return frozenset()
            self._known[user_id] = known
            if len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        return known[1]


async def _asked(client: AsyncWebClient, user_id: str) -> frozenset[str]:
    user = (await client.users_info(user=user_id))["user"]
    email = (user.get("profile") or {}).get("email") or ""
    # Guests and people of other organisations may call themselves anything.
    is_member = not any(
        user.get(one) for one in ("deleted", "is_bot", "is_restricted", "is_stranger")
    )
    return frozenset({f"user:{email.lower()}"}) if email and is_member else frozenset()
