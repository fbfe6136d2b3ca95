"""The Slack app for as long as the service runs; nothing is loaded where none is configured."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from corpus.errors import Misconfigured
from corpus.settings import Settings
from service.parts import ServiceParts

if TYPE_CHECKING:
    from service.slack.app import SlackApp
    from service.slack.socket import SocketMode

log = logging.getLogger("lectern.slack")

# With these in the environment, Bolt would ask for installations instead of using the token.
_OF_OAUTH = {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}


def takes_requests(settings: Settings) -> bool:
    """Whether Slack may send events to /slack/events. Raises `Misconfigured`."""
    if not (settings.slack_bot_token and settings.slack_signing_secret):
        return False
    refuse_oauth()
    return True


def refuse_oauth() -> None:
    """Raise `Misconfigured` where Bolt would do something else."""
    if found := sorted(_OF_OAUTH & set(os.environ)):
        raise Misconfigured(
            f"{' and '.join(found)} would take the place of SLACK_BOT_TOKEN.",
            hint="Unset them: the tokens are all that is needed.",
        )


class SlackService:
    """Makes the Slack app inside `serving()`, and with `opens_socket` fetches events by itself.

    Bolt and its HTTP client take half a second to load: in a thread, beside the start.
    """

    def __init__(self, parts: ServiceParts, *, opens_socket: bool) -> None:
        self._parts = parts
        self._opens_socket = opens_socket
        self._making = asyncio.Lock()
        self._app: SlackApp | None = None

    async def app(self) -> SlackApp:
        """The application, made by whoever comes first."""
        async with self._making:
            if self._app is None:
                create = await asyncio.to_thread(_load)
                self._app = create(self._parts)
            return self._app

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """At the end, threads that wait for an answer are told that none will come."""
        running = asyncio.create_task(self._run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            if self._app is not None:
                await self._app.close()

    async def _run(self) -> None:
        try:
            app = await self.app()
            await app.token.is_good()  # so that a wrong one is in the log from the start
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(app.keep_in_hand())
                if self._opens_socket:
                    tasks.create_task(self._socket(app).run())
        except Exception:
            log.exception("the Slack app does not run")

    def _socket(self, app: SlackApp) -> SocketMode:
        from service.slack.socket import SocketMode  # noqa: PLC0415

        token = self._parts.settings.slack_app_token
        assert token is not None  # noqa: S101 - looked at before the start
        return SocketMode(app, token.get_secret_value())


def _load() -> Callable[[ServiceParts], SlackApp]:
    from service.slack.app import create_slack_app  # noqa: PLC0415

    return create_slack_app
