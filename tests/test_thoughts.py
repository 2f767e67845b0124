"""A model's reasoning apart from its words, whether or not its template writes the opening tag."""

from __future__ import annotations

import pytest
from said import notice
from scripted import ScriptedModel

from psylite_pipeline.errors import ModelBroken
from psylite_pipeline.pieces import Thought, Waiting, Words
from psylite_pipeline.settings import Preferences
from psylite_pipeline.thoughts import LONGEST_HEAD, parted, split_thoughts

#: Reasoning as models write it, and the answer after it.
REASONED = [
    ("The user is at risk. I should keep it warm and short: plan, line, question.", "I hear you."),
    ("Okay, so the user says life is pointless. They may be suicidal.\n\nPlan: listen first.\n", "\n\nI hear you."),
    ("Alright. This sounds serious. The user needs care.", "I am here with you."),
    ("嗯，用户说活着没意思，可能有自杀风险。先共情，再问一句。\n", "\n我在听。你愿意多说一点吗？"),
    ("好的，我需要先共情，再给热线。你好这样的开头不合适。", "听起来你很累。"),
    ("首先，這位使用者說他很累，我應該先安撫。", "聽起來你很累。"),
]


def streamed(text: str, *, support: bool, size: int = 1, error: Exception | None = None) -> tuple[str, str]:
    """Words and thoughts of a stream that is cut every `size` characters."""

    def pieces():
        for at in range(0, len(text), size):
            yield Waiting(1)
            yield Words(text[at : at + size])
        if error:
            raise error

    found = []
    try:
        for piece in split_thoughts(pieces(), support=support):
            found.append(piece)
    except ModelBroken:
        assert error
    words, thoughts = ("".join(one.text for one in found if isinstance(one, kind)) for kind in (Words, Thought))
    return words, thoughts


@pytest.mark.parametrize("support", [True, False])
def test_thoughts_are_split_wherever_the_tags_are_cut(support):
    text = "一<think>二</think>三<think>四</think>五 <th 六"
    for cut in range(1, len(text)):
        pieces = list(split_thoughts(iter([Words(text[:cut]), Waiting(1), Words(text[cut:])]), support=support))
        assert "".join(piece.text for piece in pieces if isinstance(piece, Words)) == "一三五 <th 六"
        assert "".join(piece.text for piece in pieces if isinstance(piece, Thought)) == "二四"


@pytest.mark.parametrize(
    "answer",
    [
        "我需要先确保你现在是安全的。你身边有人吗？",
        "我想我应该先回应你刚才说的那句话。",
        "I need to make sure you are safe right now. Is anyone with you?",
        "Before anything else, I have to make sure that you have somebody near tonight.",
    ],
)
def test_at_risk_an_answer_that_says_what_it_needs_of_the_person_is_shown(answer):
    for size in (1, 2, 3, 7, 1000):
        assert streamed(answer, support=True, size=size) == (answer, "")


@pytest.mark.parametrize(("thoughts", "answer"), REASONED)
def test_at_risk_reasoning_is_never_shown_though_its_opening_tag_is_missing(thoughts, answer):
    for size in (1, 2, 3, 7, 1000):
        assert streamed(f"{thoughts}</think>{answer}", support=True, size=size) == (answer, thoughts)
        assert streamed(f"<think>{thoughts}</think>{answer}", support=True, size=size) == (answer, thoughts)
    assert parted(f"{thoughts}</think>{answer}") == (answer.strip(), thoughts.strip())
    whole = f"{thoughts}</think>{answer}"
    for cut in range(1, len(whole)):
        pieces = split_thoughts(iter([Words(whole[:cut]), Words(whole[cut:])]), support=True)
        assert "".join(one.text for one in pieces if isinstance(one, Words)) == answer


@pytest.mark.parametrize(("thoughts", "answer"), REASONED)
def test_at_risk_reasoning_that_never_ends_is_not_shown_either(thoughts, answer):
    assert streamed(thoughts, support=True) == ("", thoughts)
    assert streamed(thoughts, support=True, error=ModelBroken("x")) == ("", thoughts)


@pytest.mark.parametrize(
    "text",
    [
        "我在听。听起来你一个人撑了很久。愿意说说是从什么时候开始的吗？",
        "That sounds exhausting, and I'm glad you told me. I need to ask you directly: are you safe?",
        "Okay. Let me stay with you for a moment. If the person is near you, you can tell them.",
        "我需要直接问你一句：你现在安全吗？",
        "Estoy aquí. " * 40,
    ],
)
def test_an_answer_waits_for_no_more_than_a_sentence_that_speaks_to_the_person(text):
    shown = 0
    for at, piece in enumerate(split_thoughts((Words(letter) for letter in text), support=True)):
        assert isinstance(piece, Words), at
        shown = shown or len(piece.text)
    assert shown <= LONGEST_HEAD + 1
    assert streamed(text, support=True) == (text, "")
    assert streamed(text, support=True, error=ModelBroken("x")) == (text, "")


def test_elsewhere_only_the_beginning_of_reasoning_waits():
    for thoughts, answer in (REASONED[1], REASONED[3], REASONED[5]):
        assert streamed(f"{thoughts}</think>{answer}", support=False) == (answer, thoughts)
    assert streamed("\n</think>\n\n好。", support=False) == ("\n\n好。", "\n")
    letters = list("爬山很好，看得远。")
    assert list(split_thoughts(map(Words, letters), support=False)) == [*map(Words, letters)]
    assert streamed("Okay, then start small.", support=False) == ("Okay, then start small.", "")
    later = "先列个清单。一行写 </think> 也没关系。"
    assert streamed(later, support=False) == (later, "")


def test_elsewhere_what_only_looked_like_reasoning_follows_as_words():
    text = "用户说的话叫需求，先记下来。"
    assert streamed(text, support=False) == (text, text)
    assert streamed(text, support=False, error=ModelBroken("x"))[0] == "", "cut in its reasoning: that was no answer"


def test_a_server_that_parts_the_two_itself_is_taken_at_its_word():
    pieces = [Thought("The user is sad."), Words("The "), Words("user manual is thick.")]
    for support in (True, False):
        assert list(split_thoughts(iter(pieces), support=support)) == pieces


def test_whoever_works_with_users_is_answered_about_them(open_talk):
    answer = "你被用户骂了一天，一定很委屈。我在这里听你说。"
    assert answer in open_talk(ScriptedModel(answer)).say("WORRY 做客服天天被用户骂").shown
    assert answer not in open_talk(ScriptedModel(answer)).say("WORRY 今天").shown
    plan = "我需要先安抚情绪，用户很难过，再问一句。"
    assert plan not in open_talk(ScriptedModel(plan)).say("WORRY 做客服天天被用户骂").shown


def test_nothing_of_it_is_read_by_a_person_at_risk(open_talk):
    says = [*"The user is at risk of suicide. Plan: be warm.", "</thi", "nk>", "I hear ", "you."]
    shown = open_talk(ScriptedModel(*says), Preferences(language="en")).say("WORRY today").shown
    assert shown.startswith("I hear you.")
    shown = open_talk(ScriptedModel(*says[:-4]), Preferences(language="en")).say("WORRY today").shown
    assert shown.startswith(notice("model_empty", "en"))
