"""What may be said to a person in danger, by language, kind and stage: read from crisis.<language>.toml and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

from psylite_pipeline.decision import Kind, Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.replies.helplines import PLACEHOLDERS
from psylite_pipeline.replies.tables import StrictTable, read_table

#: Where somebody means harm, and is asked about it; in an emergency nobody does.
INTENT_KINDS = (Kind.SELF_HARM, Kind.HARM_TO_OTHERS, Kind.SOMEONE_ELSE, Kind.ABUSE)
CRISIS_KINDS = (*INTENT_KINDS, Kind.EMERGENCY)
#: The kind of texts that may be said whatever the danger is; not in an emergency.
ANY = "any"
_SHORTEST_HEAD = 8


class Stage(StrEnum):
    """Where the staged talk stands. Each but URGENT and STAYING asks one thing, once."""

    IMMINENT = "imminent"
    URGENT = "urgent"
    """A life is still in danger this minute, and the first call for help has been asked for."""
    OPENING = "opening"
    MEANS = "means"
    COMPANY = "company"
    TIME = "time"
    STAYING = "staying"


# Talks of their own: about an injury, a child in their care, being touched.
_OF_THEIR_OWN = (Told.INJURY, Told.BABY, Told.TOUCHED)
# What comes before all else, the first of these first.
_AT_ONCE = (Told.BREATH, Told.FIRE, Told.GAS, Told.FUMES)
_OF_A_LIFE = (Told.UNWOKEN, Told.CHOKING, Told.SILENT)

#: What the person told unasked answers the question of a stage, the first of these first.
ANSWERED = {
    Stage.OPENING: (Told.MEANS, *_OF_THEIR_OWN),
    Stage.MEANS: (Told.MEANS, *_OF_THEIR_OWN),
    Stage.COMPANY: (Told.COMPANY, Told.ALONE, Told.BABY, Told.TOUCHED),
    Stage.TIME: _OF_THEIR_OWN,
    Stage.IMMINENT: (Told.CHILD, Told.EDGE, *_AT_ONCE, *_OF_A_LIFE, Told.SWALLOWED, Told.ACT),
    Stage.URGENT: (*_AT_ONCE, *_OF_A_LIFE),
    Stage.STAYING: (Told.ACT, Told.SAFE, *_AT_ONCE, Told.HELP, Told.BABY),
}
# An emergency is met with what to do; the questions about intent, and words meant for any other kind, are not for it.
_URGENT_STAGES = (Stage.IMMINENT, Stage.URGENT, Stage.STAYING)


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
        return any(slot in self.text for slot in ("{emergency}", "{ambulance}", "{fire}", "{police}"))

    @property
    def marks(self) -> tuple[str, ...]:
        """By what it is known to have been said: an opening may have been followed by another question than its own."""
        return (self.question, self.head) if self.stage is Stage.OPENING else (self.question,)

    def stands_in(self, spoken: str) -> bool:
        """Whether it has been said."""
        return any(mark in spoken for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Aside:
    """What is said first to a person who asked or told something that wants an answer. The stage's question follows.

    `urgent`: the one sentence that is said of it while a life is in danger this minute; "" if that has to wait."""

    kind: str
    told: Told
    text: str
    urgent: str = ""

    def stands_in(self, spoken: str) -> bool:
        """Whether it has been said, at length or in one sentence."""
        return any(words and words.partition("{")[0] in spoken for words in (self.text, self.urgent))


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
                    if variant.stage is stage and variant.kind in (kind.value, ANY)
                )

    @classmethod
    def load(cls, files: Mapping[str, Path], *, staged: Sequence[str]) -> CrisisTexts:
        """Read one file a language; those in `staged` must have every stage. Raises KnowledgeError."""
        tables = {lang: read_table(path) for lang, path in files.items()}
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
        return tuple(sorted(found, key=lambda variant: variant.kind == ANY))

    def asides_for(self, lang: str, kind: Kind, told: Collection[Told]) -> Iterator[Aside]:
        """What may be said first to what was told, in the file's order."""
        return (one for one in self.asides.get(lang, ()) if one.told in told and one.kind in _fitting(kind))

    def asked_in(self, spoken: str, kind: Kind) -> set[Stage]:
        """The stages one of whose questions, in any language, stands in `spoken`."""
        return {stage for stage in Stage if any(one in spoken for one in self._questions[kind.value, stage])}


def _fitting(kind: Kind) -> tuple[str, ...]:
    """Kinds of texts that may be said to somebody of this kind."""
    return (kind.value,) if kind is Kind.EMERGENCY else (kind.value, ANY)


def _asides(file: StrictTable) -> list[Aside]:
    asides: list[Aside] = []
    for table in file.tables("aside") if "aside" in file else ():
        table.only("kind", "told", "text", "urgent")
        kind = table.one_of("kind", (*(kind.value for kind in CRISIS_KINDS), ANY))
        text = table.paragraph("text", PLACEHOLDERS)
        urgent = table.paragraph("urgent", PLACEHOLDERS) if "urgent" in table else ""
        asides.append(
            Aside(
                kind=kind,
                told=Told(table.one_of("told", (one.value for one in Told))),
                text=text,
                urgent=urgent or (text if kind == Kind.EMERGENCY else ""),
            )
        )
    return asides


def _variants(file: StrictTable) -> list[Variant]:
    variants: list[Variant] = []
    seen: dict[str, str] = {}
    for table in file.tables("reply"):
        table.only("kind", "stage", "told", "text", "question")
        variant = Variant(
            kind=table.one_of("kind", (*(kind.value for kind in CRISIS_KINDS), ANY)),
            stage=Stage(table.one_of("stage", (stage.value for stage in Stage))),
            text=table.paragraph("text", PLACEHOLDERS),
            question=table.paragraph("question", PLACEHOLDERS),
            told=Told(table.one_of("told", dict.fromkeys(chain(*ANSWERED.values())))) if "told" in table else None,
        )
        if variant.kind == ANY and variant.stage is not Stage.STAYING:
            raise table.error("kind", 'may be "any" in the stage "staying" only; name a kind')
        stages = [stage for stage, answered in ANSWERED.items() if variant.told in answered]
        if variant.told and variant.stage not in stages:
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
