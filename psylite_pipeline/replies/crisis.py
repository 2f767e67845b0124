"""The staged talk with a person in danger: which question comes next, and in which words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.replies.helplines import PLACEHOLDERS
from psylite_pipeline.replies.tables import StrictTable, read_toml

#: Where somebody means harm, and is asked about it; in an emergency nobody does.
INTENT_KINDS = (Kind.SELF_HARM, Kind.HARM_TO_OTHERS, Kind.SOMEONE_ELSE, Kind.ABUSE)
CRISIS_KINDS = (*INTENT_KINDS, Kind.EMERGENCY)
JOINT = "\n\n"
_ANY = "any"
# Only this many of the assistant's latest texts are looked through: the cost of a turn must not grow with the talk.
LOOK_BACK = 60
_SHORTEST_HEAD = 8
# Whom a Chinese text speaks of, to be said of a woman. The texts are written with 他, and so found again in the talk.
_HIM = re.compile("(?<!其)他(?!们|們|人)")
_FIELD = re.compile(r"\{(\w*)[^}]*\}")


class Stage(StrEnum):
    """Where the staged talk stands. Each but STAYING asks one thing, once."""

    IMMINENT = "imminent"
    OPENING = "opening"
    MEANS = "means"
    COMPANY = "company"
    TIME = "time"
    STAYING = "staying"


# What the person told unasked answers the question of a stage; getting help themselves is answered while staying. The
# last three are talks of their own: about an injury, a child in their care, being touched.
_ANSWERED = {
    Told.ACT: (Stage.IMMINENT,),
    Told.FIRE: (Stage.IMMINENT, Stage.COMPANY, Stage.STAYING),
    Told.SWALLOWED: (Stage.IMMINENT,),
    Told.MEANS: (Stage.MEANS,),
    Told.COMPANY: (Stage.COMPANY,),
    Told.ALONE: (Stage.COMPANY,),
    Told.HELP: (Stage.STAYING,),
    Told.INJURY: (Stage.OPENING, Stage.MEANS, Stage.TIME),
    Told.BABY: (Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME),
    Told.TOUCHED: (Stage.OPENING, Stage.MEANS, Stage.TIME),
}
# An emergency is met with what to do; the questions about intent, and words meant for any other kind, are not for it.
_URGENT_STAGES = (Stage.IMMINENT, Stage.COMPANY, Stage.STAYING)
# With a life in danger this minute the time is known, and somebody at the person's side comes before all else.
_ORDER_IMMINENT = (Stage.IMMINENT, Stage.COMPANY)
_ORDER_HIGH = (Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of saying a stage: a paragraph with placeholders, then a question that no other variant has.

    `told`: for a person who told this already, so that the stage's own question would say that nobody listened."""

    kind: str
    stage: Stage
    text: str
    question: str
    told: Told | None = None

    @property
    def head(self) -> str:
        """The text up to its first placeholder: what can be found again whatever the region was."""
        return self.text.partition("{")[0].strip()

    @property
    def names_emergency(self) -> bool:
        """Whether an emergency number is told."""
        return any(slot in self.text for slot in ("{emergency}", "{fire}", "{police}"))

    def stands_in(self, spoken: str) -> bool:
        """Whether it has been said. An opening may have been followed by another question than its own."""
        return self.question in spoken or (self.stage is Stage.OPENING and self.head in spoken)


@dataclass(frozen=True, slots=True)
class Aside:
    """What is said first to a person who asked or told something that wants an answer. The stage's question follows."""

    kind: str
    told: Told
    text: str


class CrisisTexts:
    """All variants and asides of all languages."""

    def __init__(
        self, variants: Mapping[str, Sequence[Variant]], asides: Mapping[str, Sequence[Aside]] | None = None
    ) -> None:
        self.variants = {lang: tuple(found) for lang, found in variants.items()}
        self.asides = {lang: tuple(found) for lang, found in (asides or {}).items()}
        self._questions: dict[tuple[str, Stage], tuple[str, ...]] = {}
        for kind in CRISIS_KINDS:
            for stage in Stage:
                self._questions[kind.value, stage] = tuple(
                    variant.question
                    for found in self.variants.values()
                    for variant in found
                    if variant.stage is stage and variant.kind in (kind.value, _ANY)
                )

    @classmethod
    def load(cls, files: Mapping[str, Path], *, staged: Sequence[str]) -> CrisisTexts:
        """Read one file a language; those in `staged` must have every stage. Raises KnowledgeError."""
        tables = {lang: read_toml(path) for lang, path in files.items()}
        crisis = cls(
            {lang: _variants(table) for lang, table in tables.items()},
            {lang: _asides(table) for lang, table in tables.items()},
        )
        for lang, path in files.items():
            for kind in CRISIS_KINDS:
                stages = _URGENT_STAGES if kind is Kind.EMERGENCY else tuple(Stage)
                for stage in stages if lang in staged else (Stage.OPENING, Stage.STAYING):
                    if not crisis.of(lang, kind, stage):
                        raise KnowledgeError(
                            f'{path.name}: no [[reply]] with kind "{kind.value}" and stage "{stage.value}"; add one.'
                        )
        return crisis

    def of(self, lang: str, kind: Kind, stage: Stage, *, told: Told | None = None) -> tuple[Variant, ...]:
        """The variants of one stage, in the file's order; those for any kind come last."""
        found = [v for v in self.variants[lang] if v.stage is stage and v.kind in _fitting(kind) and v.told is told]
        return tuple(sorted(found, key=lambda variant: variant.kind == _ANY))

    def say(
        self,
        *,
        kind: Kind,
        risk: Risk,
        lang: str,
        said: Sequence[str],
        episode: int | None,
        told: Collection[Told] = (),
        asked_before: Sequence[str],
        seed: int,
    ) -> tuple[Stage, str]:
        """The stage and its reply, placeholders unfilled. `asked_before` are questions that replace the opening's own.

        `said` are the assistant's texts, oldest first. Only the last `episode` of them count for what has been asked
        (None: all of them); all of them count for what is not to be repeated. What is `told` is not asked for.
        """
        if kind not in CRISIS_KINDS:
            kind = Kind.SELF_HARM
        recent = [text.replace("她", "他") for text in said[-LOOK_BACK:]]
        spoken = JOINT.join(recent)
        counted = recent if episode is None else recent[max(0, len(recent) - episode) :]
        asked = JOINT.join(counted)
        stage = self._stage(lang, kind, risk, asked, told)
        pool = self.of(lang, kind, stage)
        heard = self._heard(lang, kind, stage, asked, told)
        if heard:
            pool = heard
        elif stage is Stage.STAYING and risk is Risk.IMMINENT:
            acts = self.of(lang, kind, Stage.IMMINENT, told=Told.ACT) if Told.ACT in told else ()
            urgent = (*acts, *self.of(lang, kind, Stage.IMMINENT))
            pool = tuple(v for v in urgent if not v.stands_in(spoken)) or pool
        variant = _choose(pool, spoken, recent, seed, urgent=risk is Risk.IMMINENT)
        question = variant.question
        if stage is Stage.OPENING and any(earlier in asked for earlier in asked_before):
            # It was asked and answered under concern: asking it again would say that nobody listened.
            means = self._heard(lang, kind, Stage.MEANS, asked, told) or self.of(lang, kind, Stage.MEANS)
            question = _choose(means, spoken, recent, seed, urgent=False).question
        text = variant.text
        if aside := self._aside(lang, kind, stage, risk, told, spoken):
            leans = variant.told or variant.stage is Stage.STAYING  # a question that means little without its text
            text = aside.text + JOINT + text if leans else aside.text
        whole = text + JOINT + question
        return variant.stage, _HIM.sub("她", whole) if kind is Kind.SOMEONE_ELSE and Told.SHE in told else whole

    def _heard(self, lang: str, kind: Kind, stage: Stage, asked: str, told: Collection[Told]) -> tuple[Variant, ...]:
        """What answers, at this stage, to what was told. Empty where nothing was, or all of it has been said."""
        for one, stages in _ANSWERED.items():
            if one in told and stage in stages:
                found = tuple(v for v in self.of(lang, kind, stage, told=one) if not v.stands_in(asked))
                if found:
                    return found
        return ()

    def _aside(
        self, lang: str, kind: Kind, stage: Stage, risk: Risk, told: Collection[Told], spoken: str
    ) -> Aside | None:
        """What is to be answered first. Nothing comes before the opening, or before a life in danger this minute."""
        if stage is Stage.OPENING or risk is Risk.IMMINENT:
            return None
        fitting = (one for one in self.asides.get(lang, ()) if one.told in told and one.kind in _fitting(kind))
        return next((one for one in fitting if one.text.partition("{")[0] not in spoken), None)

    def _stage(self, lang: str, kind: Kind, risk: Risk, asked: str, told: Collection[Told]) -> Stage:
        done = {stage for stage in Stage if any(q in asked for q in self._questions[kind.value, stage])}
        if done - {Stage.STAYING}:
            done.add(Stage.OPENING)
        named = self.of(lang, kind, Stage.MEANS, told=Told.MEANS)
        if Told.MEANS in told and named and not any(variant.stands_in(asked) for variant in named):
            done.discard(Stage.MEANS)  # what lies at hand is answered, also where it was the answer to our question
        helped = self.of(lang, kind, Stage.STAYING, told=Told.HELP)
        if any(variant.stands_in(asked) for variant in helped):
            done.add(Stage.COMPANY)  # somebody is coming: that was the answer
        elif Told.HELP in told and Stage.OPENING in done and helped:
            return Stage.STAYING  # nobody is kept from getting help by a question
        order = _ORDER_IMMINENT if risk is Risk.IMMINENT or Stage.IMMINENT in done else _ORDER_HIGH
        if Told.SOON in told:
            done.add(Stage.TIME)
        for stage in order:
            if stage not in done and self.of(lang, kind, stage):
                return stage
        if risk is Risk.IMMINENT and Stage.OPENING not in done:
            return Stage.OPENING
        return Stage.STAYING


def _fitting(kind: Kind) -> tuple[str, ...]:
    """Kinds of texts that may be said to somebody of this kind."""
    return (kind.value,) if kind is Kind.EMERGENCY else (kind.value, _ANY)


def _choose(pool: Sequence[Variant], spoken: str, recent: Sequence[str], seed: int, *, urgent: bool) -> Variant:
    """By `seed` among those not yet said, with an emergency number if `urgent`; else the one said longest ago."""
    fresh = [variant for variant in pool if not variant.stands_in(spoken)]
    if not fresh:
        return min(pool, key=lambda variant: _last_said(variant, recent))
    if urgent:
        fresh = [variant for variant in fresh if variant.names_emergency] or fresh
    # Words for this very kind before those for any.
    fresh = [variant for variant in fresh if variant.kind != _ANY] or fresh
    return fresh[seed % len(fresh)]


def _last_said(variant: Variant, recent: Sequence[str]) -> int:
    for index in range(len(recent) - 1, -1, -1):
        if variant.stands_in(recent[index]):
            return index
    return -1


def _asides(file: StrictTable) -> list[Aside]:
    asides: list[Aside] = []
    for table in file.tables("aside") if "aside" in file else ():
        table.only("kind", "told", "text")
        asides.append(
            Aside(
                kind=table.one_of("kind", (*(kind.value for kind in CRISIS_KINDS), _ANY)),
                told=Told(table.one_of("told", (one.value for one in Told))),
                text=one_paragraph(table, "text", table.text("text")),
            )
        )
    return asides


def _variants(file: StrictTable) -> list[Variant]:
    variants: list[Variant] = []
    seen: dict[str, str] = {}
    for table in file.tables("reply"):
        table.only("kind", "stage", "told", "text", "question")
        variant = Variant(
            kind=table.one_of("kind", (*(kind.value for kind in CRISIS_KINDS), _ANY)),
            stage=Stage(table.one_of("stage", (stage.value for stage in Stage))),
            text=one_paragraph(table, "text", table.text("text")),
            question=one_paragraph(table, "question", table.text("question")),
            told=Told(table.one_of("told", (one.value for one in _ANSWERED))) if "told" in table else None,
        )
        if variant.kind == _ANY and variant.stage is not Stage.STAYING:
            raise table.error("kind", 'may be "any" in the stage "staying" only; name a kind')
        if variant.told and variant.stage not in (stages := _ANSWERED[variant.told]):
            raise table.error("told", f"answers the stage {' or '.join(stages)}; write it there")
        if "{" in variant.question:
            raise table.error(
                "question", "has a placeholder; put it into the text: a question must read the same everywhere"
            )
        if variant.stage is Stage.OPENING and len(variant.head) < _SHORTEST_HEAD:
            raise table.error(
                "text", f"must begin with {_SHORTEST_HEAD} characters or more before its first placeholder"
            )
        opening = variant.head if variant.stage is Stage.OPENING else variant.text
        for field, words in (("text", opening), ("question", variant.question)):
            if words in seen:
                raise table.error(field, f"begins or reads as the {seen[words]} of another reply; use other words")
            seen[words] = field
        variants.append(variant)
    return variants


def one_paragraph(table: StrictTable, field: str, text: str) -> str:
    """`text` without outer blanks, or KnowledgeError if it has an empty line or a placeholder that nobody fills."""
    if "\n" in text.strip():
        raise table.error(field, "has a line break; write it as one paragraph")
    for match in _FIELD.finditer(text):
        if match.group() not in {f"{{{name}}}" for name in PLACEHOLDERS}:
            raise table.error(
                field, f"has the placeholder {match.group()}; use {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"
            )
    if text.count("{") != text.count("}") or text.count("{") != len(_FIELD.findall(text)):
        raise table.error(field, "has a curly bracket without its partner; remove it or write a placeholder")
    return text.strip()
