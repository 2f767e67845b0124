"""The filter's judgements run in threads of its own, and a turn that waits for one is not given up on."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psylite_pipeline.decision import Decision, Route
from psylite_pipeline.host import filter as filter_module
from psylite_pipeline.host.filter import FilterPipeline

TURN = {"model": "other", "messages": [{"role": "user", "content": "你好"}]}


class Counsellor:
    """Decides when `ready` lets it."""

    def __init__(self, ready) -> None:
        self.ready = ready

    def decide(self, *asked):
        self.ready()
        return Decision(Route.PLAIN)

    def guidance(self, *asked):
        return ""


def plugin(ready) -> FilterPipeline:
    counsellor: Any = Counsellor(ready)
    return FilterPipeline(counsellor=lambda: counsellor, webhook=lambda: None)


async def at_once(judge: FilterPipeline, turns: int) -> list[str]:
    return [sent["model"] for sent in await asyncio.gather(*(judge.inlet(TURN) for _ in range(turns)))]


def test_forty_turns_are_judged_at_once(monkeypatch):
    monkeypatch.setattr(filter_module, "DEADLINE", 60.0)
    together = threading.Barrier(40, timeout=30)  # breaks where fewer can be there together
    assert asyncio.run(at_once(plugin(together.wait), 40)) == ["other"] * 40


def test_the_clock_of_a_turn_starts_when_it_is_judged(monkeypatch):
    released = threading.Event()

    async def waits() -> list[str]:
        turns = asyncio.create_task(at_once(plugin(lambda: None), 2))
        await asyncio.sleep(1.5)
        released.set()
        return await turns

    with ThreadPoolExecutor(1) as one:
        monkeypatch.setattr(filter_module, "_threads", one)
        monkeypatch.setattr(filter_module, "DEADLINE", 1.0)
        one.submit(released.wait, 30)
        assert asyncio.run(waits()) == ["other", "other"]


def test_who_gets_no_thread_is_answered_by_the_pipe(monkeypatch):
    released = threading.Event()
    with ThreadPoolExecutor(1) as one:
        monkeypatch.setattr(filter_module, "_threads", one)
        monkeypatch.setattr(filter_module, "PATIENCE", 0.05)
        one.submit(released.wait, 30)
        assert asyncio.run(at_once(plugin(lambda: None), 1)) == ["psylite"]
        released.set()
