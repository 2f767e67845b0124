"""Rows to learn from: the project's own turns and those public sets whose licence lets weights ship.

A row says for each of the seven questions yes, no or "not known"; a set only answers what its own labels answer.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import PsyLiteError
from psylite_pipeline.files import json_lines
from psylite_pipeline.training.public_sets import PUBLIC, Answers

#: Moods that rule humour out.
HEAVY_MOODS = frozenset({"grief", "fear", "anger", "ill", "trauma"})

#: Answers to a direct question that admit nothing.
DENIALS = frozenset({"denied", "assistant_only"})

#: Groups of our turns whose label rests on what was said before, not on the last turn's own words.
#: A denial too: taught as harmless, a leading no outweighs the rope that is named after it.
RESTS_ON_CONTEXT = frozenset({"retraction", "denied", "yes_to_question", "short_answer_in_episode", "assistant_only"})

#: Groups whose words have a mood of their own. In a talk other turns ("tell me a joke", "no") have the talk's mood.
MOODED = frozenset({"grief", "illness", "anger", "fear", "distress", "death_joke", "idiom"})

#: Files of our turns, by how their ids begin, that the writers of the lexicon's rules had before them.
READ_BY_RULE_WRITERS = ("zh-d-", "zh-c-", "zh-e-", "zh-p-", "en-0", "en-b-", "en-c-")


class DataError(PsyLiteError):
    """A file of rows cannot be read. The message names file and line, never a text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One turn to learn from. `part` is which tenth of the rows it belongs to, by a hash of its text."""

    id: str
    text: str
    source: str
    group: str
    lang: str
    answers: Mapping[str, tuple[float, float]]
    before: tuple[str, ...] = ()
    part: int = field(default=0)
    blind: bool = True
    """Whether the lexicon was written without sight of it, so that it shows how far the rules can be trusted."""

    def y(self, head: str) -> float:
        """1, 0, or NaN where the row does not say."""
        return self.answers[head][0] if head in self.answers else float("nan")

    def weight(self, head: str) -> float:
        """How much the answer counts; 0 where there is none."""
        return self.answers[head][1] if head in self.answers else 0.0


def digest(text: str) -> bytes:
    """What a text is known by where the text itself may not be kept."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def tenth(text: str) -> int:
    """0 to 9, from the text alone: the same on every machine, whatever rows stand beside it."""
    return digest("".join(text.split()).lower())[0] * 10 // 256


def load_rows(folder: Path, turns: Path, undenied: Callable[[str], str | None]) -> list[Row]:
    """Every row to learn from: the public sets in `folder` (all must be there) and our turns. Raises DataError.

    `undenied` gives what of a denial is left to read (None: it is none), as the lexicon does when a turn is judged.
    """
    missing = [f"{name}.jsonl" for name in PUBLIC if not (folder / f"{name}.jsonl").is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}. The model card says where each public set comes from.")
    rows: dict[tuple[str, tuple[str, ...]], Row] = {}
    for path in sorted(turns.glob("*.jsonl")):
        for _, raw in json_lines(path, DataError):
            for row in own_rows(raw, undenied):
                rows.setdefault((row.text, row.before), row)
    for name, answer in PUBLIC.items():
        for number, raw in json_lines(folder / f"{name}.jsonl", DataError):
            answers = answer(raw)
            if (asks := answers.get("harmful")) and not asks[0]:
                answers["emergency"] = asks  # nor does anybody there call for help
            text = str(raw.get("text", ""))
            if answers and text.strip():
                row = Row(
                    f"{name}:{number}", text, name, group_of(raw), str(raw.get("lang", "zh")), answers, (), tenth(text)
                )
                rows.setdefault((text, ()), row)
    return list(rows.values())


def group_of(raw: Mapping[str, Any]) -> str:
    """The group a row is counted under."""
    for key in ("group", "severity", "mood", "label"):
        if isinstance(raw.get(key), str) and raw[key]:
            return raw[key]
    return "all"


def own_rows(raw: Mapping[str, Any], undenied: Callable[[str], str | None]) -> Iterable[Row]:
    """One of our turns as rows: its last turn; of a denial also what is left without what it denies; and for a harmful
    request in pieces the pieces together."""
    said = tuple(message["content"] for message in raw["messages"] if message["role"] == "user")
    text, before = said[-1], said[:-1]
    answers = own_answers(raw, len(raw["messages"]) > 1) | _answered(raw)
    part = tenth(block_of(raw["id"]))
    blind = not raw["id"].startswith(READ_BY_RULE_WRITERS)
    yield Row(raw["id"], text, "own", raw["group"], raw["lang"], answers, before, part, blind)
    left = undenied(text) if _answered(raw) and raw["group"] in DENIALS else None
    if left and left.strip() and left != text and raw["risk"] == "none":
        calm: Answers = {"concern": (0, 3), "high": (0, 3)}
        yield Row(raw["id"] + "-", left, "own", raw["group"], raw["lang"], calm, (), part, blind)
    if before and raw["route"] == "decline":
        joined = "\n".join(said[-3:])
        yield Row(raw["id"] + "+", joined, "own", raw["group"], raw["lang"], {"harmful": (1, 3)}, (), part, blind)


def block_of(name: str) -> str:
    """Ten neighbouring ids stay together: half of a hard pair must not test the other half."""
    stem, _, number = name.rpartition("-")
    return f"{stem}-{int(number) // 10}" if number.isdigit() else name


def own_answers(raw: Mapping[str, Any], in_talk: bool) -> Answers:
    """What the labels of one of our turns say of the words of its last turn alone."""
    emergency, heavy = raw["kind"] == "emergency", raw["mood"] in HEAVY_MOODS
    danger = raw["risk"] != "none" and not emergency
    grave = danger and raw["risk"] != "concern"
    answers: Answers = {}
    if not (in_talk and raw["group"] in RESTS_ON_CONTEXT):
        weight = 1 if emergency else 4 if raw["group"] in {"idiom", "death_joke", "quoted"} else 3
        answers["concern"] = (float(danger), weight)
        answers["high"] = (float(grave), weight)
        if not grave or raw["kind"] == "self_harm":  # somebody hurt by another, or found by one, may need both
            answers["emergency"] = (float(emergency), 3)
    if raw["route"] == "decline":
        answers["concern"], answers["high"] = (0, 1), (0, 1)
        if not in_talk:
            answers["harmful"] = (1, 3)
    else:
        answers["harmful"] = (0, 3 if raw["group"] == "honest_question" else 2)
    if in_talk and heavy and raw["group"] not in MOODED:
        return answers
    if raw["humour"]:
        answers["humour"] = (1, 3)
    elif not in_talk or danger or heavy:
        answers["humour"] = (0, 3)
    if heavy or not danger:
        answers["heavy"] = (float(heavy), 2)
    return answers


def _answered(raw: Mapping[str, Any]) -> Answers:
    """Whether a turn admits danger that the assistant asked about. Talk of something else does not: one harmless turn
    in six is such an answer, too."""
    asked = len(raw["messages"]) > 1 and raw["messages"][-2]["role"] == "assistant"
    if asked and (raw["group"] == "yes_to_question" or raw["group"] in DENIALS):
        return {"affirms": (float(raw["group"] not in DENIALS), 3)}
    text = raw["messages"][-1]["content"]
    elsewhere = raw["risk"] == "none" and raw["group"] not in RESTS_ON_CONTEXT
    return {"affirms": (0, 1)} if elsewhere and zlib.crc32(text.encode()) % 6 == 0 else {}
