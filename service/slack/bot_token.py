"""Whether Slack takes the bot's token."""

from __future__ import annotations

import asyncio
import logging
import time

from slack_sdk.web.async_client import AsyncWebClient

from service.slack.calling import REFUSALS, SLACK_ERRORS, reason_of

log = logging.getLogger("lectern.slack")

# Slack waits three seconds for an acknowledgement, and the message has to be taken as well.
ASK_LIMIT_S = 1.2
# So long a refusal stands before Slack is asked again, and is not logged again.
REFUSED_S = 5.0
SAID_EVERY_S = 60.0


class BotToken:
    """Asks Slack once; and again after `doubt`, for as long as it refuses the token."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._asking: asyncio.Task[None] | None = None
        self._is_good = False
        self._team_id = self._enterprise_id = ""
        self._refused_s = self._said_s = float("-inf")

    async def is_good(self) -> bool:
        """Whether answers can be written; False as well where Slack does not say so in time."""
        if self._is_good:
            return True
        if self._asking is None:
            if time.monotonic() - self._refused_s < REFUSED_S:
                return False
            self._asking = asyncio.create_task(self._ask())
        # Slack may take longer to say: then it is known for the next message.
        await asyncio.wait({self._asking}, timeout=ASK_LIMIT_S)
        return self._is_good

    def is_ours(self, team_id: str, enterprise_id: str = "") -> bool:
        """Whether this is the app's own workspace, or one of its organisation's (Enterprise Grid).

        False until Slack said which that is.
        """
        is_team = bool(team_id) and team_id == self._team_id
        return is_team or (bool(enterprise_id) and enterprise_id == self._enterprise_id)

    async def close(self) -> None:
        """Wait for no answer."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _ask(self) -> None:
        try:
            told = await self._client.auth_test()
            self._team_id = str(told.get("team_id") or "")
            self._enterprise_id = str(told.get("enterprise_id") or "")
            self._is_good = True
        except SLACK_ERRORS as error:
            self._refused_s = time.monotonic()
            self._say(reason_of(error))
        finally:
            self._asking = None

    def doubt(self, error: BaseException) -> None:
        """Ask Slack again before the next message, if this is how it refuses a token."""
        if reason_of(error) in REFUSALS:
            self._is_good = False
            self._say(reason_of(error))

    def _say(self, reason: str) -> None:
        if time.monotonic() - self._said_s < SAID_EVERY_S:
            return
        self._said_s = time.monotonic()
        if reason in REFUSALS:
            log.error(
                "Slack refuses SLACK_BOT_TOKEN (%s): nothing can be answered there. Install the "
                "app again, and start the service with the token from OAuth & Permissions.",
                reason,
            )
        else:
            log.error("Slack does not say whether it takes SLACK_BOT_TOKEN: %s", reason)
