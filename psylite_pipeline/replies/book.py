"""Everything that is said without a model, read once from knowledge/replies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

import ahocorasick

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies.crisis import JOINT, LOOK_BACK, say
from psylite_pipeline.replies.crisis_texts import CRISIS_KINDS, CrisisTexts, Stage
from psylite_pipeline.replies.helplines import PLACES, TEXT_LANGUAGES, Helplines
from psylite_pipeline.replies.notices import Notice
from psylite_pipeline.replies.short_texts import DEFAULT, ShortTexts

LANGUAGES = (*TEXT_LANGUAGES, "other")
# What in an emergency only an ambulance helps against, unless there is fire, too.
_FOR_AN_AMBULANCE = frozenset({Told.ILL, Told.SWALLOWED, Told.BREATH, Told.UNWOKEN, Told.CHOKING})
# By what chose the numbers: the note that says whose they are, last the one where not even the script told.
_ELSEWHERE = {
    "zh-Hans": ("mainland", "undecided"),
    "zh-Hant": ("taiwan_hong_kong",),
    "yue": ("taiwan_hong_kong",),
}


class Replies:
    """The fixed texts. Holds no state of any talk: the same arguments give the same words, in any thread."""

    def __init__(self, *, helplines: Helplines, crisis: CrisisTexts, short_texts: dict[str, ShortTexts]) -> None:
        self.helplines = helplines
        self.crisis_texts = crisis
        self.short_texts = short_texts
        self._questions = tuple(text for own in short_texts.values() for text in own.concern.values())
        self._appended = frozenset(self._blocks())
        # Looked for one by one in every answer, they would cost a long talk 15 ms a turn.
        self._staged = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)
        for variant in chain.from_iterable(crisis.variants.values()):
            for mark in variant.marks:
                self._staged.add_word(mark)
        self._staged.make_automaton()

    @classmethod
    def load(cls, folder: Path) -> Replies:
        """Read helplines.toml, crisis.<language>.toml and words.<language>.toml of `folder`.

        Raises KnowledgeError naming file, place, field and the cure; then `last_resort` is what is left to say.
        """
        return cls(
            helplines=Helplines.load(folder / "helplines.toml"),
            crisis=CrisisTexts.load(
                {lang: folder / f"crisis.{lang}.toml" for lang in LANGUAGES}, staged=TEXT_LANGUAGES
            ),
            short_texts={lang: ShortTexts.load(folder / f"words.{lang}.toml") for lang in LANGUAGES},
        )

    def crisis(
        self,
        *,
        kind: Kind,
        risk: Risk,
        lang: str,
        region: str,
        said: Sequence[str],
        seed: int,
        episode: int | None = None,
        told: Collection[Told] = (),
        region_before: str | None = None,
        affirmed: bool = False,
    ) -> str:
        """The next reply of the staged talk: a paragraph, an empty line, one question.

        `said` are the assistant's texts of this talk, oldest first, as they were shown (not stripped): what has been
        asked is read from them. `episode` is how many of the latest belong to the present stretch of risk; None means
        all, so that nothing is asked a second time in the whole talk. What is `told` is not asked for, nor what was
        just `affirmed`. `seed` picks among variants not yet said. Where other numbers than those of `region_before`
        hold now, they are told first. Of numbers for a place that nobody told it is said once which place they are for.
        """
        lang = _known(lang)
        stage, text = say(
            self.crisis_texts,
            kind=kind,
            risk=risk,
            lang=lang,
            said=said,
            episode=episode,
            told=told,
            asked_before=self._concerns(kind),
            affirmed=affirmed,
            seed=seed,
        )
        if kind is Kind.EMERGENCY and not _FOR_AN_AMBULANCE.isdisjoint(told) and not {Told.FIRE, Told.GAS} & {*told}:
            text = text.replace("{emergency}", "{ambulance}")
        brief = stage not in (Stage.OPENING, Stage.IMMINENT)
        reply = self.helplines.fill(text, region=region, lang=lang, brief=brief)
        note = self._elsewhere(lang, region, said)
        lines = self._here(kind, lang, region)
        if brief and region_before and lines != self._here(kind, lang, region_before):
            parts = (lines, note, reply)
        else:
            paragraph, _, question = reply.rpartition(JOINT)
            parts = (paragraph, note, question)
        return self.helplines.described_once(JOINT.join(part for part in parts if part), lang=lang)

    def decline(self, *, lang: str, said: Sequence[str], seed: int, region: str = "auto") -> str:
        """A warm, firm no to a harmful request, in words not in `said` while there are such."""
        lang = _known(lang)
        variants = [self.helplines.fill(text, region=region, lang=lang) for text in self.short_texts[lang].decline]
        spoken = JOINT.join(said[-LOOK_BACK:])
        left = [text for text in variants if text not in spoken] or variants
        return left[seed % len(left)]

    def concern_question(self, *, kind: Kind | None, lang: str) -> str:
        """The direct question to append, after an empty line, to the first answer under concern."""
        concern = self.short_texts[_known(lang)].concern
        return concern.get(kind.value if kind else DEFAULT, concern[DEFAULT])

    def concern_asked(self, said: Sequence[str]) -> bool:
        """Whether one of the direct questions of `concern_question` stands in `said`."""
        return any(question in text for text in said for question in self._questions)

    def crisis_spoke(self, text: str) -> bool:
        """Whether a reply of the staged talk, of any kind and in any language, stands in an assistant's text."""
        return next(self._staged.iter(text), None) is not None

    def danger_asked(self, said: Sequence[str]) -> int:
        """How many answers ago the person was last asked in `said` about danger, by a direct question or in the staged
        talk. 1: in the last one; 0: in none."""
        answers = enumerate(reversed(said), 1)
        return next((ago for ago, text in answers if self.concern_asked([text]) or self.crisis_spoke(text)), 0)

    def support_line(self, *, lang: str, region: str, kind: Kind | None = None, young: bool = False) -> str:
        """One line with a helpline, to append after an empty line: that for children where one is `young`, else that
        for violence, or for who worries about somebody else, under that kind."""
        lang = _known(lang)
        words = self.short_texts[lang]
        other = words.support_other if kind is Kind.SOMEONE_ELSE else words.support
        text = words.support_young if young else _for_kind(other, kind)
        return self.helplines.fill(text, region=region, lang=lang)

    def region_of(self, said: Sequence[str]) -> str:
        """The region where a person says they are, in any of their turns; "" where they named no place."""
        return self.helplines.region_of(said)

    def notice(self, name: str, *, lang: str, region: str = "auto") -> str:
        """What a person sees when something breaks or takes long. Raises KeyError for a name that is no Notice."""
        lang = _known(lang)
        return self.helplines.fill(self.short_texts[lang].notices[name], region=region, lang=lang)

    def strip(self, text: str) -> str:
        """`text` of an assistant without the paragraphs we appended: concern question, support line, AI reminder,
        stand-in, broken-off and held-back notices. Crisis replies stay. Made for history that goes to the model."""
        if not text:
            return ""
        return JOINT.join(part for part in text.split(JOINT) if part.strip() not in self._appended).strip()

    def _elsewhere(self, lang: str, region: str, said: Sequence[str]) -> str:
        """What is said once of numbers for a place that nobody told; "" where they say it or it was said."""
        notes = _ELSEWHERE.get(lang if region == "auto" else region.removeprefix("auto."), ())
        known = [own.elsewhere[note] for own in self.short_texts.values() for note in notes]
        if not notes or any(note in text for text in said for note in known):
            return ""
        return self.short_texts[lang].elsewhere[notes[-1] if region == "auto" else notes[0]]

    def _here(self, kind: Kind, lang: str, region: str) -> str:
        return self.helplines.fill(_for_kind(self.short_texts[lang].here, kind), region=region, lang=lang)

    def _concerns(self, kind: Kind) -> tuple[str, ...]:
        """The questions that ask what this kind's opening asks; a kind without an opening is opened as self-harm."""
        others = tuple(other for other in CRISIS_KINDS if other is not Kind.SELF_HARM)
        keys = (kind.value,) if kind in others else (Kind.SELF_HARM.value, DEFAULT)
        return tuple(text for own in self.short_texts.values() for key, text in own.concern.items() if key in keys)

    def _blocks(self) -> list[str]:
        blocks = list(self._questions)
        for lang in LANGUAGES:
            for region in PLACES:
                blocks += [
                    self.support_line(lang=lang, region=region, kind=kind)
                    for kind in (None, Kind.ABUSE, Kind.SOMEONE_ELSE)
                ]
                blocks.append(self.support_line(lang=lang, region=region, young=True))
                blocks += [self.notice(name, lang=lang, region=region) for name in Notice if name.appended]
        return blocks


def _for_kind(text: str, kind: Kind | None) -> str:
    """Whoever suffers violence is told the lines for that."""
    return text.replace("{line}", "{abuse_line}") if kind is Kind.ABUSE else text


def _known(lang: str) -> str:
    """A language we have texts for. "" (nothing to tell it by) is answered in Simplified Chinese."""
    return lang if lang in LANGUAGES else "other" if lang else "zh-Hans"
