"""Labelled turns put amid ordinary talk, to measure what short rows do not."""

from __future__ import annotations

import pytest

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.training.amid import amid
from psylite_pipeline.training.data import DataError
from psylite_pipeline.training.evaluate import Case

LIGHT = {"concern": 0, "humour": 1}


def case(name: str, *turns: str, **expected: int) -> Case:
    talk = Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in turns]})
    return Case(name, "f", "g", talk, expected, None)


def test_each_turn_stands_between_two_light_ones_with_its_own_label_and_always_the_same() -> None:
    rows = [case(f"l{n}", f"今天很好{n}", **LIGHT) for n in range(3)]
    rows += [case("d", "我不想活了", concern=1), case("talk", "一", "二")]
    found = amid(rows)
    assert [one.id for one in found] == ["l0", "l1", "l2", "d"]
    before, said, after = found[-1].text.split("。")
    assert (said, found[-1].expected) == ("我不想活了", {"concern": 1})
    assert before != after
    assert before.startswith("今天很好")
    assert [one.text for one in amid(rows)] == [one.text for one in found]


def test_without_light_turns_of_its_language_nothing_can_be_put_around_it() -> None:
    rows = [case(f"l{n}", f"今天很好{n}", **LIGHT) for n in range(3)]
    with pytest.raises(DataError, match="'d'"):
        amid([*rows, case("d", "I want to die", concern=1)])
