"""A proxy in front of a real server that forgets for whom it asks, at one address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.doubles.serving import Handler, Serving

ON_BEHALF_OF = "x-lectern-on-behalf-of"


@contextmanager
def leaking_proxy(url: str, method: str, beginning: str) -> Iterator[str]:
    """Its address; requests of this method to paths that begin so are sent as nobody's."""

    class Leaking(Handler):
        def answer(self) -> None:
            leaks = self.command == method and self.path.startswith(beginning)
            headers = {
                name: value
                for name, value in self.headers.items()
                if not (leaks and name.lower() == ON_BEHALF_OF)
            }
            reply = httpx.request(
                self.command,
                f"{url}{self.path}",
                headers={**headers, "Accept-Encoding": "identity"},
                content=self.body(),
                timeout=60.0,
                trust_env=False,
            )
            kind = reply.headers.get("content-type", "")
            self.reply(reply.status_code, reply.content, kind)

    with Serving(Leaking) as proxy:
        yield proxy.root_url
