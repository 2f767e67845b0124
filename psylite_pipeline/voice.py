"""The fixed words for one talk, in its language and with the helplines of its region; the last resort where their files
are broken."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Kind, Risk, Told
from psylite_pipeline.language import is_cantonese, language_of_talk, main_language, tells_script
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.replies import Notice, Replies
from psylite_pipeline.replies.last_resort import last_notice, last_refusal, last_resort
from psylite_pipeline.risk.talk import RHYTHM
from psylite_pipeline.risk.verdict import ANSWERED_YES, PERHAPS_YES
from psylite_pipeline.settings import Preferences

#: SUPPORT repeats the helpline line every so many turns of an episode, its first turn included.
SUPPORT_LINE_EVERY = RHYTHM

#: The direct question is not asked again within so many answers, unless a new sign of danger speaks: worry that fades
#: and comes back is no new talk.
ASK_AGAIN_AFTER = 8

# Of whom a yes to the direct question says what the opening asks.
_ASKED_OF = (Kind.SELF_HARM, Kind.HARM_TO_OTHERS)


@dataclass(frozen=True, slots=True)
class Voice:
    """`replies` is None when its files are broken. `language` is what is answered in, `region` the one whose helplines
    are named: one of PLACES in replies/helplines.py; `region_before` the one until the last turn, where that turn
    changed it: it says where the person is, or decides the script."""

    replies: Replies | None
    conversation: Conversation
    language: str
    region: str
    region_before: str | None = None
    metrics: Metrics = NO_METRICS

    @classmethod
    def of(
        cls,
        replies: Replies | None,
        conversation: Conversation,
        preferences: Preferences,
        metrics: Metrics = NO_METRICS,
    ) -> Voice:
        """The language of the valve, else that of the talk. The region of the valve; else where the person says they
        are; else what most of the talk is written in."""
        said = conversation.said
        language = (language_of_talk(said) or "zh-Hans") if preferences.language == "auto" else preferences.language
        now = _region(replies, said, preferences, language)
        before = _region(replies, said[:-1], preferences, language) if len(said) > 1 else now
        moved = before != now
        if before == "auto":  # nothing told the script: the numbers until now were those of the valve's language
            before = f"auto.{'zh-Hans' if preferences.language == 'auto' else language}"
        return cls(replies, conversation, language, now, before if moved else None, metrics)

    def crisis(self, decision: Decision) -> str:
        """The staged reply. Never raises."""
        return self._said(
            "crisis_texts",
            lambda replies: replies.crisis(
                kind=decision.kind or Kind.SELF_HARM,
                risk=decision.risk,
                lang=self.language,
                region=self.region,
                region_before=self.region_before,
                said=self.conversation.answered,
                seed=self._seed,
                episode=decision.episode,
                told=decision.told,
                affirmed=ANSWERED_YES in decision.rules and decision.kind in _ASKED_OF,
            ),
        ) or last_resort(self.language, self.region)

    def decline(self) -> str:
        """The warm refusal. Never raises."""
        return self._said(
            "refusals",
            lambda replies: replies.decline(
                lang=self.language, region=self.region, said=self.conversation.answered, seed=self._seed
            ),
        ) or last_refusal(self.language)

    def care_lines(self, decision: Decision, *, named: bool = False, retold: bool = False) -> list[str]:
        """What belongs under an answer to whoever is in danger: the helpline line, unless the answer has `named` it,
        and the direct question, but not where only a judge's verdict is missing (`episode` None) or it is answered.
        What an answer that was stopped never showed is shown under the next. `retold`: another model brings the lines,
        perhaps in its own words, which cannot be known again, so the turns are counted. A child hears of the line for
        children as soon as they say that they are one."""
        if not self.replies:
            return [last_resort(self.language, self.region)]
        lines: list[str] = []
        episode = decision.episode or 0
        line = self._line(self.replies, decision)
        named = named or self._stands(line, lately=True)
        unheard = Told.YOUNG in decision.told and not self._stands(line)
        if unheard or not (named or (retold and episode % SUPPORT_LINE_EVERY)):
            lines.append(line)
        answered = Told.OVER if decision.kind is Kind.ABUSE else Told.EXPLAINED
        ago = self.replies.danger_asked(self.conversation.answered[-max(ASK_AGAIN_AFTER, episode) :])
        asked = (retold and episode) or (ago and not _asks_again(decision, ago))
        if decision.episode is not None and answered not in decision.told and not asked:
            lines.append(self.replies.concern_question(kind=decision.kind, lang=self.language))
        return lines

    def standin_lines(self, decision: Decision, tail: Sequence[str], *, named: bool) -> list[str]:
        """That a stand-in answers, once in a talk, and again where somebody is in danger who has not read it lately;
        below the helpline line unless the answer has `named` it or its `tail` holds it."""
        if not self.replies:
            return []
        notice, line = self.notice(Notice.STANDIN), self._line(self.replies, decision)
        if self._stands(notice, lately=decision.risk > Risk.NONE):
            return []
        return [notice] if named or line in tail else [line, notice]

    def notice(self, name: Notice) -> str:
        """What a person sees when something breaks or takes long."""
        return self.replies.notice(name, lang=self.language, region=self.region) if self.replies else last_notice(name)

    def _said(self, part: str, say: Callable[[Replies], str]) -> str:
        """What the replies say; "" where they are missing or fail, which is counted: then the last resort speaks."""
        replies = self.replies
        if not replies:
            self.metrics.failed(part, "missing")
            return ""
        return self.metrics.attempt(part, lambda: say(replies), "")

    def _stands(self, words: str, *, lately: bool = False) -> bool:
        """Whether an answer of this talk holds them; `lately`: one after which the helpline line is not due again."""
        answers = self.conversation.answered
        return any(words in text for text in (answers[1 - SUPPORT_LINE_EVERY :] if lately else answers))

    def _line(self, replies: Replies, decision: Decision) -> str:
        young = Told.YOUNG in decision.told
        return replies.support_line(lang=self.language, region=self.region, kind=decision.kind, young=young)

    @property
    def _seed(self) -> int:
        """Which of several wordings: another one in another talk, the same one when a turn is asked for again."""
        first = "".join(self.conversation.said[:1]).encode("utf-8", "replace")
        return zlib.crc32(first) + len(self.conversation.turns) + self.conversation.seed


def _asks_again(decision: Decision, ago: int) -> bool:
    """Whether a new sign of danger spoke after the direct question, asked so many answers `ago`; but it stands in no
    two answers in a row, unless what was said to the first may have been a yes."""
    return decision.anew is not None and decision.anew < ago and (ago > 1 or PERHAPS_YES in decision.rules)


def _region(replies: Replies | None, said: tuple[str, ...], preferences: Preferences, language: str) -> str:
    if preferences.region != "auto" or replies is None:
        return preferences.region
    if named := replies.region_of(said):
        return named
    main = main_language(said)
    # The texts of "auto" in Chinese say whose numbers they are; in another language they would be another country's.
    if not main or (main == "zh-Hans" and language.startswith("zh") and not tells_script(said)):
        return "auto"
    if main == "zh-Hant" and is_cantonese(said):
        return "auto.yue"
    return f"auto.{'en' if main == 'other' else main}"
