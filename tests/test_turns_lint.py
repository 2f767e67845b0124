"""The project's own turns: enough of them, well formed, and nothing made from a template."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

TURNS = Path(__file__).resolve().parent.parent / "knowledge" / "risk" / "turns"
RUN = 10
CLAUSE = 26

LANGS = {"zh-Hans", "zh-Hant", "en", "mixed"}
ROUTES = {"crisis", "decline", "support", "humour", "plain"}
RISKS = {"none", "concern", "high", "imminent"}
KINDS = {"self_harm", "harm_to_others", "someone_else", "abuse", "harmful_request", "emergency", None}
MOODS = {
    "happy", "playful", "proud", "grateful", "calm", "neutral", "tired", "stressed", "sad", "grief", "fear", "anger",
    "ill", "trauma", "lonely", "despair", "shame", "numb",
}  # fmt: skip
HEAVY = {"grief", "fear", "anger", "ill", "trauma"}
FIELDS = {"id", "lang", "voice", "group", "messages", "route", "risk", "kind", "mood", "humour"}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [
        json.loads(line)
        for path in sorted(TURNS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_there_are_enough(rows: list[dict]) -> None:
    langs = Counter(row["lang"] for row in rows)
    assert langs["zh-Hans"] + langs["zh-Hant"] >= 1000
    assert langs["en"] >= 500
    assert sum(len(row["messages"]) > 1 for row in rows) >= 0.1 * len(rows)


def test_ids_are_unique(rows: list[dict]) -> None:
    assert [name for name, count in Counter(row["id"] for row in rows).items() if count > 1] == []


def test_every_row_has_the_shape(rows: list[dict]) -> None:
    wrong = [row.get("id") for row in rows if not _shaped(row)]
    assert wrong == []


def test_route_agrees_with_risk(rows: list[dict]) -> None:
    wrong = [row["id"] for row in rows if not _consistent(row)]
    assert wrong == []


def test_hardly_any_rows_share_a_run_of_ten_characters(rows: list[dict]) -> None:
    """At most 2 % of all pairs; shingles find the pairs without comparing each with each."""
    pairs = {pair for found in _holders(rows, RUN) for pair in combinations(sorted(found), 2)}
    assert len(pairs) <= 0.02 * len(rows) * (len(rows) - 1) / 2


def test_few_rows_share_a_clause(rows: list[dict]) -> None:
    """Pairs grow with the square of the rows, so count also the rows that share a whole clause (some six English words)
    with any other; hard pairs do so on purpose (most in files named veiled and adversarial; 6.2 % on 2026-11-26)."""
    assert len(set().union(*_holders(rows, CLAUSE))) <= 0.065 * len(rows)


def _holders(rows: list[dict], run: int) -> list[set[int]]:
    """The rows whose last turns hold the same run of characters, white space aside; one set a shared run."""
    first: dict[str, int] = {}
    shared: dict[str, set[int]] = {}  # a set for each of the millions of runs of one row would take three times as long
    for number, row in enumerate(rows):
        text = "".join(row["messages"][-1]["content"].lower().split())
        for start in range(len(text) - run + 1):
            piece = text[start : start + run]
            if (holder := first.setdefault(piece, number)) != number:
                shared.setdefault(piece, {holder}).add(number)
    return list(shared.values())


def _shaped(row: dict) -> bool:
    messages = row.get("messages")
    return (
        set(row) == FIELDS
        and row["lang"] in LANGS
        and row["route"] in ROUTES
        and row["risk"] in RISKS
        and row["kind"] in KINDS
        and row["mood"] in MOODS
        and isinstance(row["humour"], bool)
        and isinstance(row["voice"], str)
        and isinstance(row["group"], str)
        and isinstance(messages, list)
        and bool(messages)
        and messages[-1]["role"] == "user"
        and all(one["role"] in {"user", "assistant"} and one["content"].strip() for one in messages)
    )


def _consistent(row: dict) -> bool:
    route, risk = row["route"], row["risk"]
    if (route == "crisis") != (risk in {"high", "imminent"}):
        return False
    if risk == "concern" and route != "support":
        return False
    if route == "support" and risk == "none" and len(row["messages"]) == 1:
        return False  # support without a sign of risk rests on what was said before
    if row["humour"] and (risk != "none" or row["mood"] in HEAVY):
        return False
    return (row["kind"] == "harmful_request") == (route == "decline")
