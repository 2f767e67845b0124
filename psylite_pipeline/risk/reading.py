"""What the rules make of a text, as values. No words but those of `Reading.undenied`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from psylite_pipeline.decision import Kind, Risk, Told


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that spoke. `sign` names a mood or move of the talk; it is empty for rules about danger. `softened`:
    plain words, brought down to concern by what stands around them (somebody else's, long ago). `sure`, `tells`: see
    Rule."""

    rule: str
    level: Risk
    kind: Kind | None
    sign: str
    softened: bool = False
    sure: bool = False
    tells: Told | None = None


def gravest(findings: Iterable[Finding]) -> Risk:
    """The highest level among them."""
    return max((finding.level for finding in findings), default=Risk.NONE)


def shows(findings: Iterable[Finding], sign: str) -> bool:
    """Whether one of them is of this sign."""
    return any(finding.sign == sign for finding in findings)


@dataclass(frozen=True, slots=True)
class Reading:
    """A turn of the person. Answers are short turns, what is asked of them is false of all others.

    `findings`: most serious first. `told`: what a person in danger tells, or asks, beside what they were asked.
    `undenied`: where it begins with a no, the clauses that deny nothing, folded; else None.
    """

    findings: tuple[Finding, ...] = ()
    told: frozenset[Told] = frozenset()
    undenied: str | None = None
    yes: bool = False
    """An answer that says yes, also beside a no."""
    opens_yes: bool = False
    """An answer whose first word is a yes, whatever follows."""
    called: bool = False
    """An answer that the call is made, where it was urged (打了)."""
    answers_nothing: bool = False
    """An answer that asks back, or for one more joke, or says what else was meant or that it is over."""
    errand: bool = False
    """Short, about a plain errand or staying with somebody, with no word that may mean more."""
    of_a_joke: bool = False
    """Asks for one more, or says what people say of a joke, and nothing else. Elsewhere it may mean anything."""
    passing: bool = False
    """Short, names an annoyance or a flutter (烦死了, nervous), and nothing else that weighs or may mean more."""
    everyday: bool = False
    """Asks for an everyday thing (a card, a recipe), with no word of harm in it."""
    of_another: bool = False
    """Tells of somebody else alone: of the person no more than what they saw, asked or fear."""
    names_another: bool = False
    """Says that somebody else is the one in danger."""
    about_another: bool = False
    """Speaks of somebody else, and not of the person: whom they may also be only thinking of ("but he won't know")."""
    named: frozenset[Told] = frozenset()
    """What an answer names that tells something only where it was asked for ("on my desk", "my birthday")."""


# What a no to the question about the one tells.
_NO_TELLS = {Told.COMPANY: Told.ALONE, Told.ALONE: Told.COMPANY}
#: Whether they wake, or breathe, is asked: only a no tells something.
LACKS = (Told.UNWOKEN, Told.BREATH)


@dataclass(frozen=True, slots=True)
class Question:
    """What the assistant said just before a turn, as far as it says what a short answer answers.

    `of_danger`: it asked directly about suicide, self-harm or wanting to die. `about`: whose danger its last sentence
    asked about. `urges_call`: a call for help. `asks`: what a yes to its last sentence tells, or a no (LACKS).
    `amid_another`: what the person said just before was about somebody else.
    """

    of_danger: bool = False
    about: Literal["oneself", "another", "either", "harm"] = "oneself"
    urges_call: bool = False
    asks: frozenset[Told] = frozenset()
    amid_another: bool = False

    def whose(self, answer: Reading) -> Kind | None:
        """What kind of danger a yes is about: None where it was asked about somebody else, whom the talk is about
        already, or about no danger."""
        if not self.of_danger:
            return None
        match self.about:
            case "either":
                meant = self.amid_another and answer.about_another and not answer.yes
                return Kind.SOMEONE_ELSE if answer.names_another or meant else Kind.SELF_HARM
            case "harm":
                return Kind.HARM_TO_OTHERS
            case "another":
                return None
            case _:
                return Kind.SELF_HARM

    def told(self, answer: Reading) -> frozenset[Told]:
        """What an answer tells: 打了 where a call was urged, a yes to what was asked, or what it names of it; whoever
        is not alone has company."""
        if answer.called:
            return answer.told | {Told.HELP} if self.urges_call and not self.of_danger else answer.told
        if answer.undenied == "":
            return answer.told | {_NO_TELLS[one] for one in self.asks if one in _NO_TELLS} | self.asks & {*LACKS}
        asks = self.asks - {*LACKS}
        return answer.told | (asks if answer.yes else asks & answer.named)
