"""How well a snippet is found: `python -m benchmarks.retrieval`.

Own query turns (evals/retrieval/queries.jsonl) against graded snippets (evals/retrieval/grades.jsonl and, by somebody
else who saw neither those grades nor which system found what, second-grades.jsonl), for three systems: BM25 alone,
meaning alone, and both as they are served. hit@3 and nDCG@5 over the turns that a joke suits; over the others the share
that found nothing. Writes results/retrieval.json and results/retrieval.png beside this file.

`--pool` prints instead what nobody has graded yet of the first five of each system, shuffled, without a word about
which system found it; `--thresholds` how an encoder's threshold divides the turns of tuning.jsonl (PSYLITE_ENCODER
chooses the encoder).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import Success, nDCG
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from benchmarks.common import console, save
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.humour.choosing import THRESHOLDS, query_of
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.opening import open_counsellor, open_shelf
from psylite_pipeline.settings import Settings

EVALS = Path(__file__).resolve().parent.parent / "evals" / "retrieval"
DEPTH = 5

#: Grades: 2 on what was said, 1 near enough to be told, 0 not. One that is near enough is a hit.
HIT = Success(rel=1) @ 3
GAIN = nDCG @ 5

Row = dict[str, Any]
Ranking = list[tuple[str, float]]


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", action="store_true", help="print what is not graded yet")
    parser.add_argument("--thresholds", action="store_true", help="measure where to set an encoder's threshold")
    wanted = parser.parse_args()
    shelf = open_shelf(Settings.load())
    shelf.open()
    queries, tuning = rows("queries"), rows("tuning")
    if wanted.thresholds:
        print_thresholds(shelf, tuning)
        return
    grades, second = graded("grades"), graded("second-grades")
    systems = {name: [rank(shelf, row) for row in queries] for name, rank in SYSTEMS.items()}
    if wanted.pool:
        print_pool(queries, systems, grades)
        return
    table = Table(
        "system", "hit@3", "nDCG@5", "second grader: hit@3", "nDCG@5", "after its threshold: hit@3", "nDCG@5",
        "nothing where none fits",
    )  # fmt: skip
    measured: dict[str, Any] = {}
    for name, found in systems.items():
        least = cuts(shelf, name, tuning)
        kept = [[hit for hit in one if hit[1] >= least[language(row)]] for row, one in zip(queries, found, strict=True)]
        silent = [not one for row, one in zip(queries, kept, strict=True) if not row["fits"]]
        measured[name] = {
            **score(queries, found, grades),
            "threshold": least,
            "after_threshold": score(queries, kept, grades),
            "second_grader": score(queries, found, second),
            "nothing_where_none_fits": round(float(np.mean(silent)), 3),
        }
        of = measured[name]
        table.add_row(
            name,
            *(
                f"{figures[measure]:.3f}"
                for figures in (of, of["second_grader"], of["after_threshold"])
                for measure in ("hit@3", "ndcg@5")
            ),
            f"{of['nothing_where_none_fits']:.3f}",
        )
    console.print(table)
    unjudged = sum(
        (row["id"], hit) not in grades
        for found in systems.values()
        for row, one in zip(queries, found, strict=True)
        if row["fits"]
        for hit, _ in one[:DEPTH]
    )
    suited = sum(row["fits"] for row in queries)
    console.print(
        f"{suited} turns that a joke suits, {len(queries) - suited} that none fits, {unjudged} pairs ungraded."
    )
    both = [(grades[pair], second[pair]) for pair in grades if pair in second]
    agreement = round(float(cohen_kappa_score(*zip(*both, strict=True), weights="quadratic")), 3)
    console.print(f"Two graders of {len(both)} pairs: weighted kappa {agreement}.")
    told = whole_turns(queries)
    console.print(
        f"As whole turns, judged first: {told['suited']:.3f} of the suited bring a snippet, "
        f"{told['unsuited']:.3f} of the others."
    )
    save(
        "retrieval",
        encoder=shelf.embedder.name,
        ungraded=unjudged,
        weighted_kappa=agreement,
        systems=measured,
        whole_turns=told,
    )


def rows(name: str) -> list[Row]:
    """The rows of a file in evals/retrieval; none where it is not there."""
    path = EVALS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def graded(name: str) -> dict[tuple[str, str], int]:
    """The grades of a file, by query and snippet."""
    return {(row["query"], row["snippet"]): row["grade"] for row in rows(name)}


def language(row: Row) -> str:
    """The language of the snippets that a row is answered with."""
    return "en" if row["lang"] == "en" else "zh"


def served(shelf: Shelf, row: Row) -> Ranking:
    """As a turn of a talk would find them."""
    found = shelf.choices([*row.get("before", []), row["text"]], language=language(row))
    return [(choice.hit.snippet.id, choice.hit.score) for choice in found]


def alone(of: str) -> Callable[[Shelf, Row], Ranking]:
    """One half of it by itself: `meaning` or `words`."""

    def rank(shelf: Shelf, row: Row) -> Ranking:
        query = query_of([*row.get("before", []), row["text"]])
        found = shelf.open().search(query, shelf.embedder.encode([query])[0], language=language(row))
        pairs = ((hit.snippet.id, float(getattr(hit, of))) for hit in found)
        return sorted((pair for pair in pairs if pair[1] > 0), key=lambda pair: -pair[1])

    return rank


SYSTEMS: dict[str, Callable[[Shelf, Row], Ranking]] = {
    "BM25 alone": alone("words"),
    "dense alone": alone("meaning"),
    "both, as served": served,
}


def cuts(shelf: Shelf, name: str, tuning: list[Row]) -> dict[str, float]:
    """The threshold of each language: of what is served its own; of the others the one that best divides the turns of
    tuning.jsonl that a joke suits from those that none fits."""
    if name == "both, as served":
        return {lang: THRESHOLDS[shelf.embedder.name][lang] for lang in ("zh", "en")}
    return {lang: dividing(bests(shelf, name, tuning, lang)) for lang in ("zh", "en")}


def bests(shelf: Shelf, name: str, tuning: list[Row], lang: str) -> list[tuple[float, bool]]:
    """The best score that each turn of a language finds, and whether a joke suits the turn."""
    return [
        (max((score for _, score in SYSTEMS[name](shelf, row)), default=0.0), row["fits"])
        for row in tuning
        if language(row) == lang
    ]


def print_thresholds(shelf: Shelf, tuning: list[Row]) -> None:
    """For a few thresholds, which share of the turns of each kind would bring a snippet."""
    for lang in ("zh", "en"):
        best = bests(shelf, "both, as served", tuning, lang)
        table = Table("threshold", "suited turns", "unsuited turns", title=f"{shelf.embedder.name}, {lang}")
        for cut in sorted({*np.arange(0.24, 0.6, 0.04).round(2).tolist(), dividing(best)}):
            shares = [np.mean([value >= cut for value, fits in best if fits == wanted]) for wanted in (True, False)]
            table.add_row(f"{cut:.3f}", *(f"{share:.3f}" for share in shares))
        console.print(table)
        console.print(
            f"Divides best: {dividing(best)}. Computed from the snippets: {shelf.open().computed_thresholds.get(lang)}."
        )


def dividing(best: list[tuple[float, bool]]) -> float:
    """The value from which most of the true are kept and fewest of the false (Youden's index), midway between two."""
    values = sorted({value for value, _ in best})
    middles = [(low + high) / 2 for low, high in pairwise(values)]

    def worth(cut: float) -> float:
        return sum(
            np.mean([(value >= cut) == fits for value, fits in best if fits == wanted]) for wanted in (True, False)
        )

    return round(float(max(middles, key=worth)), 3)


def score(queries: list[Row], found: list[Ranking], grades: dict[tuple[str, str], int]) -> dict[str, float]:
    """hit@3 and nDCG@5 over the turns that a joke suits; a turn that found nothing counts as zero."""
    wanted = {row["id"] for row in queries if row["fits"]}
    qrels = [ir_measures.Qrel(query, snippet, grade) for (query, snippet), grade in grades.items() if query in wanted]
    run = [
        ir_measures.ScoredDoc(row["id"], snippet, float(len(one) - place))
        for row, one in zip(queries, found, strict=True)
        if row["id"] in wanted
        for place, (snippet, _) in enumerate(one)
    ]
    per = {(one.query_id, one.measure): one.value for one in ir_measures.iter_calc([HIT, GAIN], qrels, run)}
    return {
        label: round(sum(per.get((query, measure), 0.0) for query in wanted) / len(wanted), 3)
        for label, measure in (("hit@3", HIT), ("ndcg@5", GAIN))
    }


def whole_turns(queries: list[Row]) -> dict[str, float]:
    """Which share of the turns of each kind bring a snippet where the judgement comes first, as it does."""
    counsellor = open_counsellor(Settings.load())
    brought: dict[bool, list[bool]] = {True: [], False: []}
    for row in queries:
        messages = [{"role": "user", "content": text} for text in [*row.get("before", []), row["text"]]]
        decision = counsellor.decide(Conversation.from_body({"messages": messages}))
        brought[row["fits"]].append(bool(decision.snippets))
    return {name: round(float(np.mean(brought[fits])), 3) for name, fits in (("suited", True), ("unsuited", False))}


def print_pool(queries: list[Row], systems: dict[str, list[Ranking]], grades: dict[tuple[str, str], int]) -> None:
    """What is not graded yet, one turn after the other."""
    for number, row in enumerate(queries):
        pooled = {hit for found in systems.values() for hit, _ in found[number][:DEPTH]} if row["fits"] else set()
        new = sorted(hit for hit in pooled if (row["id"], hit) not in grades)
        random.Random(row["id"]).shuffle(new)
        if new:
            console.print(
                f"{row['id']} {' / '.join([*row.get('before', []), row['text']])}", soft_wrap=True, style="bold"
            )
            console.print(f"  {' '.join(new)}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
