from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from corpus.registry.database.engine import Registry
from corpus.registry.schema import slack_events
from corpus.registry.slack import Abandoned, SlackThread, take_event
from service.slack import holding
from service.slack.holding import Holding

THREAD = SlackThread("T1", "C1", "1600000000.000001")
NAMES = [f"T1/C1/{n}.1" for n in range(25)]


def lapse(registry: Registry) -> None:
    """So that nothing is leased any more."""
    with registry.write() as connection:
        leased = slack_events.c.lease_until.is_not(None)
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(slack_events).where(leased).values(lease_until=past))


def leased(registry: Registry) -> set[str]:
    with registry.read() as connection:
        found = slack_events.c.lease_until > datetime.now(UTC)
        return set(connection.execute(select(slack_events.c.id).where(found)).scalars())


async def until(registry: Registry, held: set[str]) -> None:
    async with asyncio.timeout(20):
        while not held <= await asyncio.to_thread(leased, registry):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_leases_are_renewed_while_threads_are_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "EVERY_S", 0.05)
    with registry.write() as connection:
        for name in [*NAMES, "ours"]:
            assert take_event(connection, name, THREAD)
    lapse(registry)
    told: list[str] = []

    async def run() -> None:
        kept = Holding(registry)
        kept.add("ours")
        go_on = asyncio.Event()

        async def tell(left: Abandoned) -> bool:
            told.append(left.event_id)
            await go_on.wait()
            return True

        keeping = asyncio.create_task(kept.keep(tell, len))
        try:
            async with asyncio.timeout(20):
                while not told:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            claimed = await asyncio.to_thread(leased, registry) - {"ours"}
            assert 0 < len(claimed) < len(NAMES)
            await asyncio.to_thread(lapse, registry)
            await until(registry, {"ours", *claimed})  # however long telling takes
            assert len(told) == 1
            go_on.set()
            async with asyncio.timeout(20):
                while len(told) < len(NAMES):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    asyncio.run(run())
    assert sorted(told) == sorted(NAMES)
