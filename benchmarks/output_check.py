"""What the last look at the model's words costs: its own work on a piece, and how long words wait for it.

`python -m benchmarks.output_check` (some seconds). Answers are made of the assistant's sentences in
knowledge/risk/turns, cut into pieces as a model writes them, under the strict rules that hold while somebody may be at
risk. A letter waits while it may be the beginning of a phrase that must not be said; how long depends on the model's
pace, so waiting is counted in pieces and given in milliseconds at the paces of benchmarks/overhead.py. Beside it stands
what is seen of a forbidden sentence before it is stopped: of the rules' own examples, cut in the same way.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.common import console, percentiles, save
from benchmarks.overhead import SCENES
from psylite_pipeline.opening import open_output_check
from psylite_pipeline.output_check import OutputCheck, Watch
from psylite_pipeline.settings import Settings, bundled

SENTENCES = 8
SEED = 30


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=300, help="in each language")
    parser.add_argument("--name", default="output_check", help="name of the file with the figures")
    chosen = parser.parse_args()
    check = open_output_check(Settings.load())
    assert check is not None
    said = sentences(bundled("knowledge") / "risk" / "turns")
    draw = random.Random(SEED)
    languages = {}
    table = Table("language", "pieces", "ms a piece, p50", "p99", "letters that wait", "mean letters held", "most")
    for language, known in said.items():
        answers = [("" if language == "zh" else " ").join(draw.sample(known, SENTENCES)) for _ in range(chosen.answers)]
        one = languages[language] = measured(check, [pieces(answer, language, draw) for answer in answers])
        one["forbidden"] = seen(check, language)
        row = (one["pieces"], one["processor_ms"]["p50"], one["processor_ms"]["p99"], one["share_that_waits"])
        table.add_row(language, *map(str, (*row, one["letters_held_mean"], one["letters_held_most"])))
    console.print(table)
    save(chosen.name, answers=chosen.answers, sentences_each=SENTENCES, languages=languages)


def sentences(folder: Path) -> dict[str, list[str]]:
    """What the assistant says in our own turns, by language, each once."""
    found: dict[str, dict[str, None]] = {"zh": {}, "en": {}}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for said in _assistants(json.loads(line)):
                found["en" if said.isascii() else "zh"][said] = None
    return {language: list(those) for language, those in found.items()}


def _assistants(value: Any) -> list[str]:
    if isinstance(value, list):
        return [said for one in value for said in _assistants(one)]
    if not isinstance(value, dict):
        return []
    if value.get("role") == "assistant":
        return [str(value["content"])]
    return [said for one in value.values() for said in _assistants(one)]


def pieces(text: str, language: str, draw: random.Random) -> list[str]:
    """As tokens come: one to three Chinese characters, or an English word with the space before it."""
    if language == "en":
        return [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]
    cut, at = [], 0
    while at < len(text):
        size = draw.choice((1, 2, 2, 3))
        cut.append(text[at : at + size])
        at += size
    return cut


def measured(check: OutputCheck, answers: list[list[str]]) -> dict[str, Any]:
    """Processor milliseconds of each piece, and for each letter how many pieces it waited."""
    work: list[float] = []
    waited: list[int] = []
    held: list[int] = []
    stopped = 0
    for answer in answers:
        watch = Watch(check, support=True)
        came: list[int] = []  # the piece in which each letter that is not shown yet has come
        for number, piece in enumerate(answer):
            started = time.thread_time()
            shown = watch.feed(piece)
            work.append(1000 * (time.thread_time() - started))
            if watch.hit:  # nothing more is shown: what is held now does not wait, it is gone
                stopped += 1
                break
            came += [number] * len(piece)
            waited += [number - one for one in came[: len(shown)]]
            del came[: len(shown)]
            held.append(len(came))
        else:
            waited += [len(answer) - 1 - one for one in came[: len(watch.rest())]]
    waits = percentiles(waited)
    paces = {scene: round(1000 * script["pace"]) for scene, script in SCENES.items()}
    return {
        "pieces": len(work),
        "processor_ms": percentiles(work, 3),
        "share_that_waits": round(sum(one > 0 for one in waited) / len(waited), 4),
        "pieces_waited": {**waits, "most": max(waited)},
        "letters_held_mean": round(sum(held) / len(held), 2),
        "letters_held_most": max(held),
        "waited_ms": {
            scene: {
                "mean": round(pace * sum(waited) / len(waited), 1),
                **{key: round(pace * waits[key]) for key in ("p50", "p95", "p99")},
            }
            for scene, pace in paces.items()
        },
        "answers_stopped": stopped,
    }


def seen(check: OutputCheck, language: str) -> dict[str, int]:
    """How many of the rules' examples are stopped, and how many of their letters are shown before that."""
    examples = [one for rule in check.rules for one in rule.examples if one.isascii() is (language == "en")]
    draw = random.Random(SEED)
    shown = stopped = 0
    for example in examples:
        watch = Watch(check, support=True)
        shown += len("".join([*map(watch.feed, pieces(example, language, draw)), watch.rest()]))
        stopped += bool(watch.hit)
    return {"examples": len(examples), "stopped": stopped, "letters": sum(map(len, examples)), "letters_shown": shown}


if __name__ == "__main__":
    main()
