"""Ten minutes of people talking while everything goes wrong in turn: `python -m benchmarks.soak [--minutes 10]`.

Every few seconds another fault begins: of the model, of files, of the process. The table says for each how many turns
were asked meanwhile, how many got words, how many got none, and whether the first turn after it was answered by the
model again. Exit code 1 when a person was left without words or a fault was not survived.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from rich.table import Table

from benchmarks.common import console, resident_mb, save
from benchmarks.people import Answer, Person, through_pipe
from benchmarks.scripted_ollama import FAULTS
from benchmarks.servers import KEY, Started, free_port, pipelines, scripted_ollama

SCRIPT = {"delay": 0.1, "pace": 0.05, "tokens": 12}
PEOPLE = 6
HASTY = {"first_piece_seconds": 5, "silence_seconds": 2}
MARK = "灰鲸九号"


@dataclass
class Episode:
    """One fault: what was asked while it lasted, and what came back."""

    fault: str
    turns: int = 0
    by_model: int = 0
    fixed_words: int = 0
    silent: list[str] = field(default_factory=list)
    recovered: bool = False
    mb: list[float] = field(default_factory=list)


class Soak:
    """The servers, and the ways to harm them."""

    def __init__(self, stack: ExitStack, data: Path) -> None:
        self._stack = stack
        self.data = data
        self.port = free_port()
        self.ollama: Started | None = self._start_ollama()
        self.server = stack.enter_context(pipelines(f"http://127.0.0.1:{self.port}", data))

    def _start_ollama(self) -> Started:
        return self._stack.enter_context(scripted_ollama(port=self.port, **SCRIPT))

    def kill_ollama(self) -> None:
        """No goodbye, no last byte."""
        if self.ollama:
            self.ollama.process.send_signal(signal.SIGKILL)
            self.ollama.process.wait()
            self.ollama = None

    def mend(self) -> None:
        """Ollama runs again."""
        self.ollama = self.ollama or self._start_ollama()

    def index_files(self) -> list[Path]:
        """What the index consists of."""
        return [path for path in (self.data / "index").rglob("*") if path.is_file()]

    def cut_index(self) -> None:
        """Half of each file is gone."""
        for path in self.index_files():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def remove_index(self) -> None:
        """All of it is gone."""
        shutil.rmtree(self.data / "index", ignore_errors=True)

    def broken_snippets(self) -> None:
        """An admin saves a file that is no TOML."""
        (self.data / "snippets").mkdir(exist_ok=True)
        (self.data / "snippets" / "own.toml").write_text('[[snippet]]\nid = "', encoding="utf-8")


async def _fault(session: aiohttp.ClientSession, soak: Soak, name: str) -> None:
    url = f"http://127.0.0.1:{soak.port}/fault"
    async with session.post(url, json={"fault": name}) as response:
        await response.read()


async def _save_valves(session: aiohttp.ClientSession, soak: Soak, **values: float) -> int:
    url, headers = f"{soak.server.url}/psylite/valves/update", {"Authorization": f"Bearer {KEY}"}
    async with session.post(url, json=values, headers=headers) as response:
        return response.status


async def _episode(session: aiohttp.ClientSession, soak: Soak, name: str, seconds: float) -> Episode:
    """People talk for `seconds` under the fault; then it ends and one more turn is asked."""
    episode = Episode(name)
    until = time.perf_counter() + seconds

    async def person(number: int) -> None:
        one = Person(number)
        while time.perf_counter() < until:
            answer = await through_pipe(session, soak.server.url, one.say())
            one.hear(answer.text)
            _count(episode, answer)

    async def saver() -> None:
        while time.perf_counter() < until:
            if await _save_valves(session, soak, **HASTY) != 200:
                episode.silent.append("a save of valves was refused")
            await asyncio.sleep(0.01)

    acts: dict[str, Callable[[], None]] = {
        "Ollama killed": soak.kill_ollama,
        "index cut": soak.cut_index,
        "index removed": soak.remove_index,
        "a broken snippet file": soak.broken_snippets,
    }
    if name in FAULTS:
        await _fault(session, soak, name)
    elif name in acts:
        asyncio.get_running_loop().call_later(min(1.0, seconds / 4), acts[name])
    extra = [saver()] if name == "valves saved without a pause" else []
    await asyncio.gather(*(person(number) for number in range(PEOPLE)), *extra)
    soak.mend()
    await _fault(session, soak, "")
    after = await through_pipe(session, soak.server.url, [{"role": "user", "content": f"今天有点累 {MARK}"}])
    episode.recovered = not after.error and after.text.startswith("嗯，听起来") and soak.server.process.poll() is None
    return episode


def _count(episode: Episode, answer: Answer) -> None:
    episode.turns += 1
    if answer.error:
        episode.silent.append(answer.error)
    elif answer.text.startswith(("嗯，听起来", "字字")):
        episode.by_model += 1
    else:
        episode.fixed_words += 1


async def _run(soak: Soak, minutes: float) -> list[Episode]:
    names = ["nothing", *FAULTS, "Ollama killed", "index cut", "index removed", "a broken snippet file"]
    names.append("valves saved without a pause")
    rounds = max(1, round(minutes / 2.5))
    seconds = max(2.0, 60 * minutes / (rounds * len(names)) - 1)
    episodes: dict[str, Episode] = {}
    async with aiohttp.ClientSession(read_bufsize=32 << 20, timeout=aiohttp.ClientTimeout(60)) as session:
        await _save_valves(session, soak, **HASTY)
        for _ in range(rounds):
            for name in names:
                one = await _episode(session, soak, name, seconds)
                sum_ = episodes.setdefault(name, Episode(name, recovered=True))
                sum_.turns += one.turns
                sum_.by_model += one.by_model
                sum_.fixed_words += one.fixed_words
                sum_.silent += one.silent
                sum_.recovered = sum_.recovered and one.recovered
                sum_.mb.append(resident_mb(soak.server.process.pid))
    return list(episodes.values())


def main() -> None:
    """Soak, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    chosen = parser.parse_args()
    started = time.time()
    with tempfile.TemporaryDirectory() as kept, ExitStack() as stack:
        soak = Soak(stack, Path(kept))
        before = resident_mb(soak.server.process.pid)
        episodes = asyncio.run(_run(soak, chosen.minutes))
        after = resident_mb(soak.server.process.pid)
        files = len(list(Path(f"/proc/{soak.server.process.pid}/fd").iterdir()))
        log = soak.server.log.read_text(encoding="utf-8") if soak.server.log else ""
    table = Table("fault", "turns", "model's words", "fixed words", "no words", "next turn works", "MB after it")
    for one in episodes:
        silent = ", ".join(sorted(set(one.silent)))
        row = (one.turns, one.by_model, one.fixed_words, f"{len(one.silent)} {silent}".strip())
        table.add_row(
            one.fault, *map(str, row), "yes" if one.recovered else "NO", " ".join(f"{mb:.0f}" for mb in one.mb)
        )
    console.print(table)
    leaked = MARK in log or "爬山" in log
    console.print(f"MB {before} -> {after}; {files} open files; words in the log: {'YES' if leaked else 'none'}")
    rows = [
        {
            "fault": one.fault,
            "turns": one.turns,
            "by_model": one.by_model,
            "fixed_words": one.fixed_words,
            "silent": len(one.silent),
            "recovered": one.recovered,
            "mb": one.mb,
        }
        for one in episodes
    ]
    minutes = round((time.time() - started) / 60, 1)
    save("soak", minutes=minutes, episodes=rows, mb=[before, after], open_files=files, words_in_log=leaked)
    failed = leaked or any(one.silent or not one.recovered for one in episodes)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
