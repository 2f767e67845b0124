"""Labelled turns amid ordinary talk: few grave words among many others, which short rows alone do not measure."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.language import language_of
from psylite_pipeline.training.data import DataError
from psylite_pipeline.training.evaluate import Case


def amid(cases: Sequence[Case]) -> list[Case]:
    """Each case of a single turn, as one turn between two light and harmless ones of its language, Chinese or another;
    its label stays. Drawn by the case's id, so always the same. Raises DataError where there are too few."""
    single = [case for case in cases if len(case.conversation.turns) == 1]
    light: dict[bool, list[str]] = defaultdict(list)
    for case in single:
        if case.expected.get("humour") == 1 and case.expected.get("concern") == 0:
            light[_chinese(case.text)].append(case.text)
    found = []
    for case in single:
        chinese = _chinese(case.text)
        calm = [text for text in light[chinese] if text != case.text]
        if len(calm) < 2:
            raise DataError(f"{case.file}: too few light turns in the language of {case.id!r} to stand around it.")
        before, after = random.Random(case.id).sample(calm, 2)
        text = ("。" if chinese else ". ").join((before, case.text, after))
        talk = Conversation.from_body({"messages": [{"role": "user", "content": text}]})
        found.append(replace(case, conversation=talk))
    return found


def _chinese(text: str) -> bool:
    return language_of(text).startswith("zh")
