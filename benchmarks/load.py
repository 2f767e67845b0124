"""Many people at once on the real Pipelines server: `python -m benchmarks.load`.

Each person says something, reads the whole answer, takes ten seconds to think and type, and goes on. The scripted
Ollama answers everybody at the same fixed pace, so that all time beyond its script is added by us, the server or the
machine; the same people asking Ollama itself show what the machine alone adds. Event-loop lag is the answering time of
the server's front page, asked twenty times a second. At the end ten thousand turns at no pace at all show whether
memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table

from benchmarks.common import console, cpu_seconds, percentiles, resident_mb, save
from benchmarks.people import Answer, Person, straight, through_pipe
from benchmarks.servers import Started, pipelines, scripted_ollama

SCRIPT = {"delay": 0.5, "pace": 0.1, "tokens": 40}
PEOPLE = (1, 8, 64, 256)
THINKS = 10.0

Ask = Callable[[aiohttp.ClientSession, str, list[dict[str, str]]], Awaitable[Answer]]


async def _chat(session: aiohttp.ClientSession, ask: Ask, url: str, number: int, until: float) -> list[Answer]:
    person, dice, answers = Person(number), random.Random(number), []
    await asyncio.sleep(dice.uniform(0, THINKS + SCRIPT["delay"]))  # nobody begins together
    while time.perf_counter() < until:
        answer = await ask(session, url, person.say())
        person.hear(answer.text)
        answers.append(answer)
        await asyncio.sleep(dice.uniform(0.5, 1.5) * THINKS)
    return answers


async def _probe(session: aiohttp.ClientSession, url: str, until: float) -> list[float]:
    lags = []
    while time.perf_counter() < until:
        started = time.perf_counter()
        async with session.get(url) as response:
            await response.read()
        lags.append(1000 * (time.perf_counter() - started))
        await asyncio.sleep(0.05)
    return lags


async def _crowd(ask: Ask, url: str, people: int, seconds: float) -> tuple[list[Answer], list[float]]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(120)) as session:
        until = time.perf_counter() + seconds
        talks = [_chat(session, ask, url, number, until) for number in range(people)]
        *answers, lags = await asyncio.gather(*talks, _probe(session, url, until))
    return [answer for one in answers for answer in one], lags


def _modelled(answer: Answer) -> bool:
    """Whether the scripted model wrote the answer: crisis replies are ours and come at once."""
    return not answer.error and answer.first >= SCRIPT["delay"]


def _level(server: Started, ollama: Started, people: int, seconds: float) -> dict[str, Any]:
    cpu = cpu_seconds(server.process.pid)
    answers, lags = asyncio.run(_crowd(through_pipe, server.url, people, seconds))
    cpu = cpu_seconds(server.process.pid) - cpu
    alone, _ = asyncio.run(_crowd(straight, ollama.url, people, max(15.0, seconds / 3)))
    scripted = SCRIPT["delay"] + SCRIPT["pace"] * (SCRIPT["tokens"] - 1)
    ours = [one for one in answers if _modelled(one)]
    theirs = [one for one in alone if _modelled(one)]
    errors = [one.error for one in (*answers, *alone) if one.error]
    return {
        "people": people,
        "turns": len(answers),
        "turns_a_second": round(len(answers) / seconds, 2),
        "errors": len(errors),
        "error_kinds": sorted(set(errors)),
        "added_first_ms": percentiles([1000 * (one.first - SCRIPT["delay"]) for one in ours]),
        "added_whole_ms": percentiles([1000 * (one.whole - scripted) for one in ours]),
        "straight_first_ms": percentiles([1000 * (one.first - SCRIPT["delay"]) for one in theirs]),
        "straight_whole_ms": percentiles([1000 * (one.whole - scripted) for one in theirs]),
        "crisis_whole_ms": percentiles([1000 * one.whole for one in answers if not _modelled(one)] or [0.0]),
        "loop_lag_ms": percentiles(lags),
        "cpu_ms_a_turn": round(1000 * cpu / max(1, len(answers)), 1),
        "server_mb": resident_mb(server.process.pid),
    }


async def _hurry(url: str, turns: int, pid: int) -> list[tuple[int, float]]:
    """`turns` turns as fast as sixteen people get them; memory after each tenth."""
    memory: list[tuple[int, float]] = []
    done = 0

    async def person(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal done
        one = Person(1000 + number)
        while done < turns:
            done += 1
            if done % (turns // 10) == 1:
                memory.append((done - 1, resident_mb(pid)))
            one.hear((await through_pipe(session, url, one.say())).text)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(person(session, number) for number in range(16)))
    return [*memory, (done, resident_mb(pid))]


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=45, help="for each number of people")
    parser.add_argument("--turns", type=int, default=10_000, help="for the memory")
    parser.add_argument("--people", type=int, nargs="*", default=PEOPLE)
    parser.add_argument("--name", default="load", help="name of the file with the figures")
    chosen = parser.parse_args()
    table = Table(
        "people",
        "turns/s",
        "errors",
        "first p50",
        "first p99",
        "whole p99",
        "straight first p99",
        "lag p99",
        "CPU/turn",
    )
    levels = []
    with tempfile.TemporaryDirectory() as data:
        with scripted_ollama(**SCRIPT) as ollama, pipelines(ollama.url, Path(data)) as server:
            for people in chosen.people:
                one = _level(server, ollama, people, chosen.seconds)
                levels.append(one)
                added, whole, alone = one["added_first_ms"], one["added_whole_ms"], one["straight_first_ms"]
                row = (people, one["turns_a_second"], one["errors"], added["p50"], added["p99"], whole["p99"])
                row += (alone["p99"], one["loop_lag_ms"]["p99"], one["cpu_ms_a_turn"])
                table.add_row(*map(str, row))
        memory = []
        if chosen.turns:
            with scripted_ollama(delay=0, pace=0, tokens=8) as ollama, pipelines(ollama.url, Path(data)) as server:
                memory = asyncio.run(_hurry(server.url, chosen.turns, server.process.pid))
    console.print(table)
    if memory:
        console.print("MB after turns: " + ", ".join(f"{turns}: {mb}" for turns, mb in memory))
    save(chosen.name, script=SCRIPT, thinks_seconds=THINKS, levels=levels, memory_mb=memory)


if __name__ == "__main__":
    main()
