"""A handful of words held in code, for the case that every lexicon file is broken. Blunt on purpose: it over-alarms."""

from __future__ import annotations

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.lexicon import Finding

_WORDS = (
    "自杀", "自殺", "自残", "自殘", "轻生", "輕生", "想死", "去死", "不想活", "活不下去", "割腕", "跳楼", "跳樓",
    "上吊", "安眠药", "安眠藥", "遗书", "遺書", "结束生命", "結束生命", "杀了他", "殺了他",
    "suicid", "kill myself", "end my life", "want to die", "hurt myself", "cut myself", "overdose", "kill him",
)  # fmt: skip


class LastResortLexicon:
    """Reads like Lexicon, knows only plain words and one level."""

    def for_one_judgement(self) -> LastResortLexicon:
        """Itself: it keeps nothing."""
        return self

    def read(self, text: str) -> tuple[Finding, ...]:
        """A finding at level high when any of the words stands in the text."""
        lowered = text.casefold()
        hit = any(word in lowered for word in _WORDS)
        return (Finding("last-resort.word", Risk.HIGH, Kind.SELF_HARM, ""),) if hit else ()

    def asks_about_danger(self, assistant_text: str) -> bool:
        """Whether the assistant spoke of danger at all."""
        return bool(self.read(assistant_text))

    def says_yes(self, text: str) -> bool:
        """A short yes."""
        word = text.strip(" 。.!！,，").casefold()
        return word in {"是", "是的", "有", "嗯", "想过", "对", "yes", "yeah", "yep", "i do", "i am", "i have"}

    def answers_nothing(self, text: str) -> bool:
        """Never: a yes that was read stays one."""
        return False

    def runs_errand(self, text: str) -> bool:
        """Nothing is known to be a plain errand."""
        return False

    def asks_everyday(self, text: str) -> bool:
        """Never: without data files every doubt counts."""
        return False

    def whose(self, asked: str, answer: str) -> Kind | None:
        """One's own, to be on the safe side."""
        return Kind.SELF_HARM

    def of_another(self, text: str) -> bool:
        """Never: in doubt it is the person's own danger."""
        return False

    def told(self, text: str, asked: str = "") -> frozenset[Told]:
        """Nothing: the staged talk asks."""
        return frozenset()

    def undenied(self, text: str) -> str:
        """All of `text`: without data files no denial is trusted."""
        return text
