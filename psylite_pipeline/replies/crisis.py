"""The staged talk with a person in danger: which question comes next, and in which words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies.crisis_texts import ANSWERED, ANY, CRISIS_KINDS, Aside, CrisisTexts, Stage, Variant

JOINT = "\n\n"
# Only this many of the assistant's latest texts are looked through: the cost of a turn must not grow with the talk.
LOOK_BACK = 60
# Whom a Chinese text speaks of, to be said of a woman. The texts are written with 他, and so found again in the talk.
_HIM = re.compile("(?<!其)他(?!们|們|人)")
# With a life in danger this minute only what is urgent is said; words made for a calmer talk would say that it is past.
_ORDER_IMMINENT = (Stage.IMMINENT, Stage.URGENT)
# Once it has passed, since help is coming, the time is known; who is at the person's side is all that is left to ask.
_ORDER_AFTER = (Stage.IMMINENT, Stage.COMPANY)
_ORDER_HIGH = (Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME)
# While something is under way only what is asked or said of their body, or of being helped, is answered first.
_UNDER_WAY = frozenset({Told.ACT, Told.EDGE, Told.BREATH})
_OF_THE_BODY = frozenset({Told.TEND, Told.REST, Told.FINE, Told.REGRET, Told.HOSPITAL})


def say(
    texts: CrisisTexts,
    *,
    kind: Kind,
    risk: Risk,
    lang: str,
    said: Sequence[str],
    episode: int | None,
    told: Collection[Told],
    asked_before: Sequence[str],
    affirmed: bool,
    seed: int,
) -> tuple[Stage, str]:
    """The stage and its reply, placeholders unfilled. `asked_before` are questions that replace the opening's own,
    `affirmed`: such a one was just answered with a yes, in whatever words it was asked.

    `said` are the assistant's texts, oldest first. Only the last `episode` of them count for what has been asked
    (None: all of them); all of them count for what is not to be repeated. What is `told` is not asked for.
    """
    kind = kind if kind in CRISIS_KINDS else Kind.SELF_HARM
    recent = [text.replace("她", "他") for text in said[-LOOK_BACK:]]
    counted = recent if episode is None else recent[max(0, len(recent) - episode) :]
    talk = _Talk(texts, kind, risk, lang, told, seed, recent, JOINT.join(recent), JOINT.join(counted))
    stage, reply = talk.reply(asked_before, affirmed)
    return stage, _HIM.sub("她", reply) if kind is Kind.SOMEONE_ELSE and Told.SHE in told else reply


@dataclass(frozen=True, slots=True)
class _Talk:
    """All that the next reply depends on. `spoken` is `recent` as one text, `asked` what of it counts as asked."""

    texts: CrisisTexts
    kind: Kind
    risk: Risk
    lang: str
    told: Collection[Told]
    seed: int
    recent: Sequence[str]
    spoken: str
    asked: str

    def reply(self, asked_before: Sequence[str], affirmed: bool) -> tuple[Stage, str]:
        stage = self._stage()
        variant = self._choose(self._heard(stage) or self._unheard(stage), urgent=self.risk is Risk.IMMINENT)
        question = variant.question
        # What was asked and answered under concern is not asked again: that would say that nobody listened. Where there
        # are no words about means (another language, an emergency), the opening asks something else already.
        answered = affirmed or any(earlier in self.asked for earlier in asked_before)
        if answered and stage is Stage.OPENING and (means := self._heard(Stage.MEANS) or self._of(Stage.MEANS)):
            question = self._choose(means, urgent=False).question
        text = variant.text
        if aside := self._aside(stage):
            leans = variant.told or variant.stage is Stage.STAYING  # a question that means little without its text
            urgent = self.risk is Risk.IMMINENT
            first = aside.urgent if urgent else aside.text
            text = first + JOINT + text if leans or urgent else first
        return variant.stage, text + JOINT + question

    def _stage(self) -> Stage:
        done = self.texts.asked_in(self.asked, self.kind)
        if done - {Stage.STAYING}:
            done.add(Stage.OPENING)
        if Told.MEANS in self.told and (named := self._of(Stage.MEANS, told=Told.MEANS)):
            # What lies at hand is answered once, also where it was the answer to our question, or opened the talk.
            met = self._has_asked((*self._of(Stage.OPENING, told=Told.MEANS), *named))
            done = done | {Stage.MEANS} if met else done - {Stage.MEANS}
        if Stage.OPENING in done and self._past_unsaid():
            return Stage.STAYING
        if self._helped():
            done.add(Stage.COMPANY)  # somebody is coming: that was the answer
        elif Told.HELP in self.told and Stage.OPENING in done and self._of(Stage.STAYING, told=Told.HELP):
            return Stage.STAYING  # nobody is kept from getting help by a question
        imminent = self.risk is Risk.IMMINENT
        order = _ORDER_IMMINENT if imminent else _ORDER_AFTER if Stage.IMMINENT in done else _ORDER_HIGH
        if Told.SOON in self.told:
            done.add(Stage.TIME)
        if Told.SAFE in self.told:
            done |= {Stage.MEANS, Stage.COMPANY}  # what they had is behind them, and who stays with them was asked
        for stage in order:
            if stage not in done and self._of(stage):
                return stage
        if imminent and Stage.OPENING not in done:
            return Stage.OPENING
        return Stage.URGENT if imminent and self._of(Stage.URGENT) else Stage.STAYING

    def _heard(self, stage: Stage) -> Sequence[Variant]:
        """What answers, at this stage, to what was told. Empty where nothing was, or all of it has been said, unless a
        life hangs on it."""
        for one in ANSWERED[stage]:
            if one in self.told:
                found = self._of(stage, told=one)
                if stage is Stage.URGENT and not self._helped():
                    found += self._of(Stage.IMMINENT, told=one)
                fresh = [v for v in found if not v.stands_in(self.asked)]
                if fresh or (found and stage is Stage.URGENT):
                    return fresh or found
        return ()

    def _unheard(self, stage: Stage) -> Sequence[Variant]:
        """What is said at this stage to who told nothing. While the danger lasts, all that is urgent is said, in turns;
        where help is on its way, nobody is asked to call it again."""
        if stage is not Stage.URGENT or self._helped() or not self._has_asked(self._of(stage)):
            return self._of(stage)
        done = (self._of(Stage.IMMINENT, told=one) for one in (Told.EDGE, Told.ACT) if one in self.told)
        return (*chain.from_iterable(done), *self._of(Stage.IMMINENT), *self._of(stage))

    def _aside(self, stage: Stage) -> Aside | None:
        """What is to be answered first. Nothing comes before the opening; while a life is in danger this minute one
        sentence does, unless something is under way."""
        if stage is Stage.OPENING:
            return None
        fitting = list(self.texts.asides_for(self.lang, self.kind, self.told))
        if self.risk is Risk.IMMINENT:
            ours = self.kind is not Kind.EMERGENCY and not _UNDER_WAY.isdisjoint(self.told)
            fitting = [one for one in fitting if one.urgent and (not ours or one.told in _OF_THE_BODY)]
        spoken = [one for one in fitting if one.stands_in(self.spoken)]
        heard = {one.told for one in spoken if one.kind != ANY}  # words for any kind would say it once more
        return next((one for one in fitting if one not in spoken and one.told not in heard), None)

    def _choose(self, pool: Sequence[Variant], *, urgent: bool) -> Variant:
        """By `seed` among those not yet said, with an emergency number if `urgent`; else the one said longest ago."""
        fresh = [variant for variant in pool if not variant.stands_in(self.spoken)]
        if not fresh:
            return min(pool, key=self._last_said)
        if urgent:
            fresh = [variant for variant in fresh if variant.names_emergency] or fresh
        # Words for this very kind before those for any.
        fresh = [variant for variant in fresh if variant.kind != ANY] or fresh
        return fresh[self.seed % len(fresh)]

    def _last_said(self, variant: Variant) -> int:
        return max((at for at, text in enumerate(self.recent) if variant.stands_in(text)), default=-1)

    def _of(self, stage: Stage, *, told: Told | None = None) -> tuple[Variant, ...]:
        return self.texts.of(self.lang, self.kind, stage, told=told)

    def _past_unsaid(self) -> bool:
        """Whether they said that it is behind them, and nothing was said to it yet."""
        words = self._of(Stage.STAYING, told=Told.SAFE) if Told.SAFE in self.told else ()
        return bool(words) and self.risk is not Risk.IMMINENT and not self._has_asked(words)

    def _helped(self) -> bool:
        met = (self._of(Stage.STAYING, told=one) for one in (Told.HELP, Told.ACT))  # after an act its words say both
        return self._has_asked([*chain.from_iterable(met)])

    def _has_asked(self, variants: Sequence[Variant]) -> bool:
        return any(variant.stands_in(self.asked) for variant in variants)
