"""The buttons below an answer: what people think of it, and its quotes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from corpus.access import UNRESTRICTED
from corpus.errors import LecternError
from corpus.registry.turns import find_turn, rate_answer
from corpus.turns import Rating
from service.parts import ServiceParts
from service.slack.access import SlackAccess
from service.slack.asked import Place
from service.slack.bot_token import BotToken
from service.slack.calling import SLACK_ERRORS, patient, reason_of
from service.slack.quotes import quotes_of
from service.slack.response_url import respond
from service.slack.texts import warning_blocks
from service.slack.words import NOT_OURS

log = logging.getLogger("lectern.slack")

HEADING = "The quotes of the answer"


class Buttons:
    """Does what they say."""

    def __init__(self, parts: ServiceParts, token: BotToken, access: SlackAccess) -> None:
        self._parts = parts
        self._token = token
        self._access = access

    async def rate(self, value: str, place: Place, client: AsyncWebClient) -> None:
        """Keep what somebody thinks of an answer; a comment from elsewhere stays."""
        rating, _, answer_id = value.partition(" ")
        if rating not in {"up", "down"}:
            return
        if not self._token.is_ours(place.user_team_id, place.enterprise_id):
            await self._show(place, patient(client), [warning_blocks(NOT_OURS)])
            return

        def keep() -> None:
            with self._parts.registry.write() as connection:
                comment = find_turn(connection, answer_id, UNRESTRICTED).comment
                said: Rating = "up" if rating == "up" else "down"
                rate_answer(connection, answer_id, said, comment, UNRESTRICTED)

        try:
            await asyncio.to_thread(keep)
        except LecternError as error:
            log.info("a rating was not kept: %s", error.detail)

    async def show_quotes(self, answer_id: str, place: Place, client: AsyncWebClient) -> None:
        """Show the quotes of an answer to one person, in the thread where it stands."""
        client = patient(client)
        if not self._token.is_ours(place.user_team_id, place.enterprise_id):
            await self._show(place, client, [warning_blocks(NOT_OURS)])
            return
        registry, url = self._parts.registry, self._parts.settings.public_url
        reader = await self._access.alone(client, place.team_id, place.channel_id, place.user_id)
        try:
            messages = await asyncio.to_thread(quotes_of, registry, answer_id, reader, url)
        except LecternError as error:
            messages = [warning_blocks(f"{error.detail} {error.hint}".strip())]
        await self._show(place, client, messages)

    async def _show(
        self, place: Place, client: AsyncWebClient, messages: list[list[dict[str, Any]]]
    ) -> None:
        try:
            for blocks in messages:
                await self._show_one(place, client, blocks)
        except SLACK_ERRORS as error:
            log.warning("Slack did not show the quotes of an answer: %s", reason_of(error))
            self._token.doubt(error)

    async def _show_one(
        self, place: Place, client: AsyncWebClient, blocks: list[dict[str, Any]]
    ) -> None:
        try:
            await client.chat_postEphemeral(
                channel=place.channel_id,
                user=place.user_id,
                thread_ts=place.thread_ts,
                text=HEADING,
                blocks=blocks,
            )
        except SlackApiError as error:
            # Whoever reads a public channel without being in it is answered at their own address.
            if reason_of(error) != "user_not_in_channel" or not place.respond_to:
                raise
            status = await respond(
                client, place.respond_to, blocks, HEADING, thread_ts=place.thread_ts
            )
            if status != 200:
                log.warning("Slack did not show the quotes of an answer: %s", status)
