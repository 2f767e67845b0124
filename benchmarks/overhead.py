"""How much later the first token comes, and how much slower the rest, than from the same Ollama without us.

`python -m benchmarks.overhead`. Aims: first token at most 1.05 times, tokens a second at least 0.95 times. Turns
through the pipe and straight ones alternate, so that other work on the machine weighs on both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

import aiohttp
from rich.table import Table

from benchmarks.common import console, percentiles, save
from benchmarks.people import Person, straight, through_pipe
from benchmarks.servers import pipelines, scripted_ollama

#: Seconds to the first token, between tokens, and how many: a 7B model on a graphics card, and on a laptop without one.
SCENES = {
    "graphics card": {"delay": 0.4, "pace": 1 / 40, "tokens": 80},
    "laptop": {"delay": 4.0, "pace": 1 / 8, "tokens": 40},
}


async def _measure(url: str, ollama_url: str, turns: int) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {way: {"first": [], "rate": []} for way in ("pipe", "straight")}
    async with aiohttp.ClientSession() as session:
        for number in range(-1, turns):
            person = Person(number)
            messages = person.say()
            answers = {}
            for way, ask, at in (("pipe", through_pipe, url), ("straight", straight, ollama_url)):
                answers[way] = await ask(session, at, messages)
                if answers[way].error:
                    raise RuntimeError(f"{way}: {answers[way].error}")
            # Where we add words of our own, a helpline or a snippet, the pace of the model's cannot be told.
            if number >= 0 and abs(len(answers["pipe"].text) - len(answers["straight"].text)) < 5:
                for way, answer in answers.items():
                    found[way]["first"].append(answer.first)
                    found[way]["rate"].append(answer.rate)
    return found


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--name", default="overhead", help="name of the file with the figures")
    chosen = parser.parse_args()
    scenes = {}
    table = Table("scene", "first token, straight", "through us", "ratio", "letters/s, straight", "through us", "ratio")
    with tempfile.TemporaryDirectory() as data:
        for scene, script in SCENES.items():
            turns = chosen.turns if scene == "graphics card" else max(4, chosen.turns // 3)
            with scripted_ollama(**script) as ollama, pipelines(ollama.url, Path(data)) as server:
                found = asyncio.run(_measure(server.url, ollama.url, turns))
            middle = {way: {what: statistics.median(v) for what, v in one.items()} for way, one in found.items()}
            first = middle["pipe"]["first"] / middle["straight"]["first"]
            rate = middle["pipe"]["rate"] / middle["straight"]["rate"]
            scenes[scene] = {
                "script": script,
                "first_token_ratio": round(first, 3),
                "rate_ratio": round(rate, 3),
                "first_token_ms": {w: percentiles([1000 * v for v in one["first"]]) for w, one in found.items()},
                "letters_a_second": {w: round(one["rate"], 2) for w, one in middle.items()},
            }
            figures = [f"{1000 * middle[w]['first']:.1f} ms" for w in ("straight", "pipe")] + [f"{first:.3f}"]
            figures += [f"{middle[w]['rate']:.2f}" for w in ("straight", "pipe")] + [f"{rate:.3f}"]
            table.add_row(scene, *figures)
    console.print(table)
    save(chosen.name, scenes=scenes)


if __name__ == "__main__":
    main()
