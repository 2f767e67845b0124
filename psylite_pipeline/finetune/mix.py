"""The training set of stage 1: general rows with reasoning and counselling, none twice, none evaluated."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from psylite_pipeline.errors import RecipeError
from psylite_pipeline.evals import cases
from psylite_pipeline.finetune import data
from psylite_pipeline.finetune.data import Pair, Row
from psylite_pipeline.finetune.likeness import LEAK, TWIN, Shelf

T = TypeVar("T", Row, Pair)

GENERAL, COUNSELLING = 10_000, 3_000
"""The technical report's mix: 13,000 rows, 10 to 3, so that learning to counsel does not cost the rest."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one kind."""

    read: int
    too_long: int
    twins: int
    leaks: int
    kept: int


def build(
    general: Sequence[Path],
    counselling: Sequence[Path],
    evaluated: Sequence[Path],
    wanted: tuple[int, int] = (GENERAL, COUNSELLING),
    seed: int = 1,
    most_letters: int = 6000,
) -> tuple[list[Row], dict[str, Counts]]:
    """The mix in random order, and counts by kind. `most_letters`: longer rows would be cut at 4,096 tokens.

    Raises RecipeError where fewer good rows are left than `wanted`, with what took them.
    """
    held_out, seen = _held_out(evaluated), Shelf(TWIN)
    chosen: list[Row] = []
    counts: dict[str, Counts] = {}
    for kind, paths, number in (("general", general, wanted[0]), ("counselling", counselling, wanted[1])):
        pool = [row for path in paths for row in data.rows(path, kind, seed)]
        random.Random(f"{seed}{kind}").shuffle(pool)
        kept, told = _clean(pool, number, held_out, seen, most_letters)
        counts[kind] = told
        if len(kept) < number:
            raise RecipeError(
                f"Only {len(kept)} {kind} rows are left of {told.read} ({told.twins} twins, {told.leaks} leaks, "
                f"{told.too_long} too long); {number} are wanted. Add files, or lower --{kind}-rows."
            )
        chosen += kept
    random.Random(seed).shuffle(chosen)
    return chosen, counts


def preferences(
    files: Sequence[Path], evaluated: Sequence[Path], limit: int = 0, seed: int = 1
) -> tuple[list[Pair], Counts]:
    """The pairs of stage 2 in random order, `limit` of them (0: all), and what became of the rest. Raises RecipeError,
    or EvaluationError for an evaluation set that cannot be read."""
    pool = [pair for path in files for pair in data.pairs(path)]
    random.Random(seed).shuffle(pool)
    return _clean(pool, limit or len(pool), _held_out(evaluated), Shelf(TWIN))


def evaluated_turns(path: Path) -> list[str]:
    """The turns of an evaluation set that must not be trained on: CPsyCounE, SafeDialBench, C-Eval, in every form that
    `psylite eval` reads. Raises EvaluationError."""
    found: list[str] = []
    for _, row in cases.published(path):
        talk = row.get("messages")
        found += [str(m["content"]) for m in talk] if talk else [str(row.get("question") or row.get("text") or "")]
    return list(filter(None, found))


def _held_out(evaluated: Sequence[Path]) -> Shelf:
    held_out = Shelf(LEAK)
    for path in evaluated:
        for text in evaluated_turns(path):
            held_out.add(text)
    return held_out


def _clean(
    pool: Sequence[T], number: int, held_out: Shelf, seen: Shelf, most: float = math.inf
) -> tuple[list[T], Counts]:
    """The first `number` good ones of `pool`; those longer than `most` letters are none."""
    kept: list[T] = []
    tally: Counter[str] = Counter()
    for one in pool:
        if len(kept) == number:
            break
        tally["read"] += 1
        if one.letters > most:
            tally["too_long"] += 1
        elif held_out.has(one.text):
            tally["leaks"] += 1
        elif seen.has(one.text):
            tally["twins"] += 1
        else:
            seen.add(one.text)
            kept.append(one)
    return kept, Counts(tally["read"], tally["too_long"], tally["twins"], tally["leaks"], len(kept))


def statistics_of(rows: Sequence[Row]) -> dict[str, Any]:
    """By kind: rows, turns before the answer, letters of prompt, reasoning and answer (median, 95 %)."""
    measures: dict[str, Callable[[Row], int]] = {
        "turns": lambda row: len(row.prompt),
        "prompt letters": lambda row: sum(len(message["content"]) for message in row.prompt),
        "reasoning letters": lambda row: len(row.thoughts),
        "answer letters": lambda row: len(row.answer),
    }
    told: dict[str, Any] = {}
    for kind in sorted({row.kind for row in rows}):
        some = [row for row in rows if row.kind == kind]
        told[kind] = {"rows": len(some), "with reasoning": sum(bool(row.thoughts) for row in some)}
        for name, measure in measures.items():
            values = sorted(map(measure, some))
            told[kind][name] = {"median": statistics.median(values), "95 %": values[int(0.95 * (len(values) - 1))]}
    return told


def card(
    rows: Sequence[Row], counts: dict[str, Counts], sources: Sequence[Path], evaluated: Sequence[Path], seed: int
) -> str:
    """The data card, Markdown: sources, what was dropped, what is in it, how to make it again."""
    told = statistics_of(rows)
    dropped = [f"| {kind} | {c.read} | {c.twins} | {c.leaks} | {c.too_long} | {c.kept} |" for kind, c in counts.items()]
    inside = [
        f"| {kind} | {one['rows']} | {one['with reasoning']} | "
        + " | ".join(f"{one[name]['median']:g} / {one[name]['95 %']}" for name in list(one)[2:])
        + " |"
        for kind, one in told.items()
    ]
    return "\n".join(
        [
            "# Data card", "",
            f"{len(rows)} rows, seed {seed}. Made by `psylite model mix`; the same files and seed make it again.", "",
            "Sources: " + ", ".join(path.name for path in sources) + ". Their licences bind this set as well.",
            "Held out from: " + (", ".join(path.name for path in evaluated) or "nothing (no leakage check)") + ".",
            "",
            "| kind | read | twins dropped | leaks dropped | too long | kept |", "|---|---|---|---|---|---|", *dropped,
            "",
            "| kind | rows | with reasoning | turns | prompt letters | reasoning letters | answer letters |",
            "|---|---|---|---|---|---|---|", *inside, "",
            "Letters as median / 95th percentile. The counselling rows hold what people in distress might say; they",
            "are for training a model that listens, not for picking people out.", "",
        ]
    )  # fmt: skip


def save(rows: Sequence[Row], counts: dict[str, Counts], sources: Sequence[Path], evaluated: Sequence[Path],
         seed: int, out: Path) -> None:  # fmt: skip
    """Write `out` and, beside it, the card and the statistics."""
    data.write(out, rows)
    out.with_suffix(".card.md").write_text(card(rows, counts, sources, evaluated, seed), encoding="utf-8")
    told = {"seed": seed, "counts": {kind: asdict(c) for kind, c in counts.items()}, "inside": statistics_of(rows)}
    text = json.dumps(told, ensure_ascii=False, indent=1)
    out.with_suffix(".statistics.json").write_text(text + "\n", encoding="utf-8")
