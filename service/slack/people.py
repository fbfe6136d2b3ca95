"""Who a person in Slack is elsewhere: by their e-mail address, where the operator wants that."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from corpus.settings import Settings
from service.slack.bot_token import BotToken
from service.slack.calling import SLACK_ERRORS, patient, reason_of
from service.slack.texts import MENTION

log = logging.getLogger("lectern.slack")

# An address that was taken away counts for so long, seconds.
KEPT_S = 600.0
# Where Slack did not say, it is asked again after so long.
FAILED_S = 10.0
MAX_KEPT = 10_000
# Of one message.
MAX_NAMED = 5
MAX_NAME_CHARS = 80
# For all of them: a question can be asked without.
NAMES_LIMIT_S = 3.0

_UNSAFE = re.compile(r"[<>|&\s]+")

# Guests, people of other organisations and programs may call themselves anything.
_NOT_MEMBERS = (
    "deleted",
    "is_bot",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
)


@dataclass(frozen=True, slots=True)
class _Person:
    """What Slack said; `until_s` by the clock of the process."""

    until_s: float
    also: frozenset[str] = frozenset()
    name: str = ""


class People:
    """Asks Slack for addresses (`users:read.email`), and remembers them for a while."""

    def __init__(self, settings: Settings, token: BotToken) -> None:
        self._token = token
        self._is_wanted = settings.slack_emails == "on"
        self._known: OrderedDict[str, _Person] = OrderedDict()

    async def also(self, client: AsyncWebClient, user_id: str) -> frozenset[str]:
        """Further principals that a person is: `user:ann@example.org`; none where Slack is away."""
        return (await self._person(client, user_id)).also if self._is_wanted else frozenset()

    async def named(self, client: AsyncWebClient, text: str) -> str:
        """The text of a message with the names of those whom it mentions, as far as known."""
        if not self._is_wanted:
            return text
        unnamed = dict.fromkeys(found[1] for found in MENTION.finditer(text) if not found[2])
        names = await self._names(patient(client, 0), list(unnamed)[:MAX_NAMED])

        def read(found: re.Match[str]) -> str:
            name = found[2] or names.get(found[1])
            return f"<@{found[1]}|{name}>" if name else found[0]

        return MENTION.sub(read, text)

    async def _names(self, client: AsyncWebClient, user_ids: Sequence[str]) -> dict[str, str]:
        """Those that Slack tells at once."""
        unknown = [one for one in user_ids if self._known_of(one) is None]
        try:
            async with asyncio.timeout(NAMES_LIMIT_S):
                await asyncio.gather(*(self._try_to_learn(client, one) for one in unknown))
        except TimeoutError:
            log.warning("a question is asked without a name: Slack is slow to tell it")
        known = {one: self._known_of(one) for one in user_ids}
        return {one: person.name for one, person in known.items() if person is not None}

    def _known_of(self, user_id: str) -> _Person | None:
        known = self._known.get(user_id)
        return None if known is None or time.monotonic() > known.until_s else known

    async def _person(self, client: AsyncWebClient, user_id: str) -> _Person:
        known = self._known_of(user_id)
        if known is not None:
            return known
        try:
            return await self._learn(client, user_id)
        except SLACK_ERRORS as error:
            log.warning("Slack does not tell who somebody is: %s", reason_of(error))
            return self._keep(user_id, _Person(time.monotonic() + FAILED_S))

    async def _try_to_learn(self, client: AsyncWebClient, user_id: str) -> None:
        """A failure is not kept: whoever asks what somebody may read is more patient."""
        try:
            await self._learn(client, user_id)
        except SLACK_ERRORS as error:
            log.warning("a question is asked without a name: %s", reason_of(error))

    async def _learn(self, client: AsyncWebClient, user_id: str) -> _Person:
        return self._keep(user_id, await self._asked(client, user_id))

    def _keep(self, user_id: str, person: _Person) -> _Person:
        self._known[user_id] = person
        if len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        return person

    async def _asked(self, client: AsyncWebClient, user_id: str) -> _Person:
        told = await client.users_info(user=user_id)
        user: dict[str, Any] = told.get("user") or {}
        profile = user.get("profile") or {}
        email = profile.get("email") or ""
        is_member = (
            self._token.is_ours(str(user.get("team_id") or ""))
            and user.get("is_email_confirmed") is not False
            and not any(user.get(one) for one in _NOT_MEMBERS)
        )
        also = frozenset({f"user:{email.lower()}"}) if email and is_member else frozenset()
        name = _UNSAFE.sub(" ", str(profile.get("real_name") or user.get("name") or ""))
        return _Person(time.monotonic() + KEPT_S, also, name[:MAX_NAME_CHARS].strip())
