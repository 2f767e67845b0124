"""Sentences and talks that were judged wrongly once, or easily might be: data, by subject, in `talks/*.toml`.

    [[talk]]
    why = "What holds, in a sentence."
    by = "all"                             # the whole judgement, the default; "rules": the lexicon, of one sentence
    each = [                               # the talks of which it holds; one of a single turn is a string
      "我想死",
      ["the first turn", { assistant = "put in its mouth" }, { person = "yes", route = "crisis" }, "the last turn"],
    ]
    throughout = { route = "crisis" }      # of every turn of the person
    risk = "high"                          # of the last; a turn that is a table may say what is expected of itself

`BY_BOTH`, `BY_RULES` and `BY_ALL` name what may be expected. A list means any of these where one thing can be (route,
risk, kind), all of them elsewhere. A crisis and a refusal may cost no model call, whatever else is expected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dialogue import Chat
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk, Route, Told

LEXICON = shipped_lexicon()
SIGNS = {rule.sign for rule in LEXICON.rules if rule.sign}


@dataclass(frozen=True)
class Judged:
    """One turn as it was judged. `kinds`: of every danger found; `named`: of harmful requests, too."""

    risk: Risk
    kind: Kind | None
    told: frozenset[Told]
    kinds: frozenset[Kind | None] = frozenset()
    named: frozenset[Kind | None] = frozenset()
    signs: frozenset[str] = frozenset()
    route: Route | None = None
    shown: str = ""


def by_rules(text: str) -> Judged:
    """The kind is that of the first of the gravest findings."""
    read = LEXICON.read(text)
    found = read.findings
    return Judged(
        risk=found[0].level if found else Risk.NONE,
        kind=found[0].kind if found else None,
        told=read.told,
        kinds=frozenset(one.kind for one in found if one.level),
        named=frozenset(one.kind for one in found),
        signs=frozenset(one.sign for one in found),
    )


def by_all(chat: Chat) -> Judged:
    assert chat.decision is not None
    return Judged(
        risk=chat.risk,
        kind=chat.kind,
        told=chat.decision.told,
        named=frozenset([chat.kind]),
        route=chat.route,
        shown=chat.shown,
    )


def sign(name: str) -> str:
    if name not in SIGNS:
        raise ValueError(f"no rule gives the sign {name!r}")
    return name


Expectation = tuple[Callable[[str], Any], Callable[[Judged, frozenset[Any]], bool]]

#: How what is expected is read, and when it holds of a turn.
BY_BOTH: dict[str, Expectation] = {
    "risk": (Risk.parse, lambda found, wanted: found.risk in wanted),
    "at_least": (Risk.parse, lambda found, wanted: found.risk >= max(wanted)),
    "at_most": (Risk.parse, lambda found, wanted: found.risk <= min(wanted)),
    "kind": (Kind, lambda found, wanted: found.kind in wanted),
    "not_kind": (Kind, lambda found, wanted: wanted.isdisjoint(found.named)),
    "told": (Told, lambda found, wanted: wanted <= found.told),
    "not_told": (Told, lambda found, wanted: wanted.isdisjoint(found.told)),
    "told_only": (Told, lambda found, wanted: wanted == found.told - {Told.HE, Told.SHE}),
}
BY_RULES: dict[str, Expectation] = BY_BOTH | {
    "kinds": (Kind, lambda found, wanted: wanted == found.kinds),
    "sign": (sign, lambda found, wanted: wanted <= found.signs),
    "no_sign": (sign, lambda found, wanted: wanted.isdisjoint(found.signs)),
}
BY_ALL: dict[str, Expectation] = BY_BOTH | {
    "route": (Route, lambda found, wanted: found.route in wanted),
    "not_route": (Route, lambda found, wanted: found.route not in wanted),
    "shows": (re.compile, lambda found, wanted: all(one.search(found.shown) for one in wanted)),
    "shows_not": (re.compile, lambda found, wanted: not any(one.search(found.shown) for one in wanted)),
}


@dataclass(frozen=True)
class Expected:
    """What is expected of a turn, as it was written; it is read once at once, so that a misspelt word is refused."""

    written: dict[str, Any]
    known: dict[str, Expectation] = field(repr=False)

    def __post_init__(self) -> None:
        for name in self.written:
            self.wanted(name)

    def wanted(self, name: str) -> frozenset[Any]:
        """Raises KeyError or ValueError for a name, or a word, that says nothing."""
        written = self.written[name]
        words = [written] if isinstance(written, str) else written
        if not words and name != "told_only":
            raise ValueError(f"{name} expects nothing")
        return frozenset(self.known[name][0](word) for word in words)

    def missed(self, found: Judged) -> list[str]:
        missed = [name for name in self.written if not self.known[name][1](found, self.wanted(name))]
        return [f"{name} = {self.written[name]!r}" for name in missed]


@dataclass(frozen=True)
class Turn:
    text: str
    expected: tuple[Expected, ...]
    assistant: bool = False


@dataclass(frozen=True)
class Talk:
    id: str
    why: str
    by: str
    turns: tuple[Turn, ...]


def talks_of(entry: dict[str, Any], name: str) -> Iterator[Talk]:
    """The talks of one `[[talk]]`. Raises for whatever is not understood."""
    entry = dict(entry)
    why, each, by = entry.pop("why"), entry.pop("each"), entry.pop("by", "all")
    known = {"rules": BY_RULES, "all": BY_ALL}[by]
    throughout, last = Expected(entry.pop("throughout", {}), known), Expected(entry, known)
    for number, written in enumerate(each, 1):
        turns = []
        for turn in [written] if isinstance(written, str) else written:
            table = {"person": turn} if isinstance(turn, str) else dict(turn)
            if "assistant" in table:
                turns.append(Turn(table.pop("assistant"), (), assistant=True))
                assert not table, f"of the assistant's words nothing is expected: {table}"
            else:
                turns.append(Turn(table.pop("person"), (throughout, Expected(table, known))))
        end = turns.pop()
        turns.append(Turn(end.text, (*end.expected, last), end.assistant))
        assert not end.assistant, f"the last turn is not the person's: {why}"
        assert by == "all" or len(turns) == 1, f"the rules hear one turn: {why}"
        assert any(one.written for turn in turns for one in turn.expected), f"nothing is expected: {why}"
        slug = re.sub(r"[^a-z0-9]+", "-", why.lower()).strip("-")
        yield Talk(f"{name}-{slug}-{number}", why, by, tuple(turns))


TALKS = [
    talk
    for file in sorted((Path(__file__).parent / "talks").glob("*.toml"))
    for entry in tomllib.loads(file.read_text(encoding="utf-8"))["talk"]
    for talk in talks_of(entry, file.stem)
]


def check(talk: Talk, turn: Turn, found: Judged) -> None:
    missed = [line for expected in turn.expected for line in expected.missed(found)]
    assert not missed, f"{talk.why}\n{turn.text!r} missed {', '.join(missed)}\nfound {found}"


@pytest.mark.parametrize("talk", [pytest.param(talk, id=talk.id) for talk in TALKS if talk.by == "rules"])
def test_the_rules_hear(talk: Talk) -> None:
    check(talk, talk.turns[0], by_rules(talk.turns[0].text))


@pytest.mark.parametrize("talk", [pytest.param(talk, id=talk.id) for talk in TALKS if talk.by == "all"])
def test_the_whole_judgement_of(talk: Talk, chat: Chat) -> None:
    chat.ollama.script(*["I'm listening."] * len(talk.turns))
    for turn in talk.turns:
        if turn.assistant:
            chat.assistant(turn.text)
            continue
        chat.user(turn.text)
        assert chat.route not in (Route.CRISIS, Route.DECLINE) or not chat.model_calls
        check(talk, turn, by_all(chat))


def expects(**entry: Any) -> list[Talk]:
    return list(talks_of({"why": "w", "each": ["我想死"], "by": "rules", **entry}, "t"))


def test_what_is_expected_can_be_missed() -> None:
    for missed in ({"risk": "none"}, {"at_most": "concern"}, {"kind": "abuse"}, {"told": ["means"]}, {"sign": "grief"}):
        (talk,) = expects(**missed)
        with pytest.raises(AssertionError, match="missed"):
            test_the_rules_hear(talk)
    with pytest.raises(AssertionError):
        expects()


@pytest.mark.parametrize(
    "wrong", [{"rsk": "high"}, {"risk": "hihg"}, {"route": "crisis"}, {"sign": "no such"}, {"told": []}, {"by": "me"}]
)
def test_an_entry_that_says_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        expects(**{"at_least": "high"} | wrong)
