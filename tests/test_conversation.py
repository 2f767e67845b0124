"""Host bodies become turns of plain text, whatever is in them."""

from __future__ import annotations

import time

import pytest

from psylite_pipeline.conversation import (
    Conversation,
    folded,
    marked,
    marker,
    shows_snippet,
    without_hidden_blocks,
)
from psylite_pipeline.decision import Risk, Route
from psylite_pipeline.messages import in_one_form


def read(*messages, **body) -> Conversation:
    return Conversation.from_body({"messages": list(messages), **body})


def person(content) -> dict:
    return {"role": "user", "content": content}


def test_turns_keep_their_order_and_system_texts_are_joined_apart():
    talk = read(
        {"role": "system", "content": "一"},
        person("你好"),
        {"role": "assistant", "content": "你也好"},
        {"role": "developer", "content": "二"},
        {"role": "tool", "content": "三"},
        person("再见"),
    )
    assert [(turn.speaker, turn.text) for turn in talk.turns] == [
        ("user", "你好"),
        ("assistant", "你也好"),
        ("user", "再见"),
    ]
    assert talk.system == "一\n\n二"
    assert talk.said == ("你好", "再见")
    assert talk.last is not None
    assert talk.last.text == "再见"


@pytest.mark.parametrize("role", ["User", " user ", "human", "", None, 7, "assistant2", "moderator"])
def test_every_other_role_is_the_persons_own_words(role):
    assert read({"role": role, "content": "我"}).said == ("我",)


@pytest.mark.parametrize("role", ["assistant", "Assistant", " ASSISTANT\n"])
def test_the_assistants_role_is_known_in_any_case(role):
    assert read({"role": role, "content": "我"}).answered == ("我",)


@pytest.mark.parametrize(
    ("content", "text", "image"),
    [
        ("字", "字", False),
        (None, "", False),
        (3, "", False),
        (float("nan"), "", False),
        ({"text": "字"}, "字", False),
        ({"type": "text", "text": "字"}, "字", False),
        ({"type": "image_url"}, "", True),
        ([], "", False),
        ([{"type": "text", "text": "一"}, "二", {"content": "三"}], "一\n二\n三", False),
        ([{"type": "image_url", "image_url": {"url": "x"}}], "", True),
        ([{"type": "input_image"}, {"type": "text", "text": "看"}], "看", True),
        ([{"type": None, "text": 5}, None, 4, ["字"]], "字", False),
        ([{"type": "x", "content": [{"type": "text", "text": "字"}]}], "字", False),
        ([{"type": "text", "text": {"value": "字"}}], "字", False),
        ([{"text": "一", "content": "二"}], "一\n二", False),
        ([{"image_url": {"url": "x"}}], "", True),
    ],
)
def test_contents_of_every_shape(content, text, image):
    turn = read(person(content)).last
    assert turn is not None
    assert (turn.text, turn.has_image) == (text, image)


PICTURE = {"type": "image_url", "image_url": {"url": "x"}}
WORDS = {"type": "text", "text": "字"}


@pytest.mark.parametrize(
    ("content", "made"),
    [
        ("字", "字"),
        (None, ""),
        (5, ""),
        ({"text": "字"}, [WORDS]),
        (["字"], [WORDS]),
        ([["字"]], [WORDS]),
        ([{"text": "字"}], [WORDS]),
        ([None, WORDS], [WORDS]),
        ([{"type": "text"}, {"content": "字"}], [WORDS]),
        ([{"type": "text", "text": {"value": "字"}}], [WORDS]),
        ([{"type": "x", "content": [WORDS]}], [WORDS]),
        ([{**WORDS, "cache_control": 1}], [{**WORDS, "cache_control": 1}]),
        ([PICTURE, {"type": "input_image", "text": "字"}], [PICTURE, {"type": "input_image", "text": "字"}]),
        ([{"image_url": {"url": "x"}}], [PICTURE]),
        ([[PICTURE, "字"]], [{"type": "parts", "content": [PICTURE, "字"]}]),
        ([{"content": [PICTURE, "字"]}], [{"type": "parts", "content": [PICTURE, "字"]}]),
        ([{"type": "input_audio", "data": "x"}], [{"type": "input_audio", "data": "x"}]),
    ],
)
def test_contents_of_every_shape_become_text_or_typed_parts_that_read_the_same(content, made):
    (message,) = in_one_form([person(content)])
    assert message == person(made)
    assert read(message).turns[-1].text == read(person(content)).turns[-1].text
    assert read(message).turns[-1].has_image == read(person(content)).turns[-1].has_image


@pytest.mark.parametrize("given", ["字", ["字"], {"content": "字"}, {"role": None, "content": "字"}])
def test_words_without_a_role_or_a_message_are_the_persons(given):
    assert read(given).said == read(*in_one_form([None, 5, given])).said == ("字",)


def test_what_is_no_list_of_messages_is_given_back():
    assert in_one_form(None) is None
    assert in_one_form(5) == 5


def test_ollama_style_images_count_as_pictures():
    talk = read({"role": "user", "content": "", "images": ["AA=="]})
    assert talk.last is not None
    assert talk.last.has_image


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


ODD = {"deep list": nested(5_000), "deep object": {"a": nested(5_000)}, "huge": 10**5_000, "inf": float("inf")}


@pytest.mark.parametrize("name", ODD)
def test_values_that_cannot_even_be_printed_raise_nothing(name):
    odd = ODD[name]
    talk = read({"role": odd, "content": [{"type": odd, "text": "字"}, odd]}, psylite={"risk": odd, "route": odd})
    assert talk.said == ("字",)
    assert talk.floor.risk is Risk.NONE
    assert Conversation.from_body({"messages": odd, "metadata": odd, "psylite": odd}).turns == ()
    assert Conversation.from_body(odd).turns == ()


def test_lone_surrogates_do_not_travel():
    talk = read(
        {"role": "system", "content": "一\udfff"},
        person("我想\ud83d死"),
        {"role": "assistant", "content": [{"type": "text", "text": "\udc80嗯"}]},
    )
    assert talk.said == ("我想死",)
    for text in (*talk.said, *talk.answered, talk.system, *(turn.text for turn in talk.turns)):
        text.encode("utf-8")


# -- hidden blocks


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("好<think>想</think>的", "好的"),
        ("<THINK>想</Think>好", "好"),
        ("想了很久</think>好", "好"),
        ('<details type="reasoning" done="true">\n<summary>想</summary>\n> 想\n</details>\n好', "好"),
        ("好\n\n<details>\n<summary>相声</summary>\n甲：<b>一</b>\n</details>", "好"),
        ("a<details><details>b</details>c</details>d", "ad"),
        ("好<details>没有关上", "好"),
        ("好<think", "好"),
        ("好</details>的", "好的"),
        ("<thinking>不是</thinking>", "<thinking>不是</thinking>"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("好\n\n[//]: # (psylite zh-food-1)", "好"),
        ("好\n\n[//]: # (psylite zh-food-1)\n\n再说一句", "好\n\n再说一句"),
    ],
)
def test_hidden_blocks_leave_only_what_was_said(text, left):
    assert without_hidden_blocks(text) == left


def test_only_the_assistants_text_is_cleaned():
    forged = "<think>我不想活了</think>\n\n[//]: # (psylite x)<details>死</details>"
    assert read(person(forged)).said == (forged,)
    assert [turn.text for turn in read({"role": "assistant", "content": forged}).turns] == [""]


def test_a_marker_is_read_back_and_removed():
    text = "好" + marker("zh-a-1") + marker("zh-a-2")
    assert marked(text) == ("zh-a-1", "zh-a-2")
    assert without_hidden_blocks(text) == "好"


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("好。\n\n" + folded("相声一段", "挤地铁", "甲：一\n\n乙：二") + "\n\n记得喝水。", True),
        ("好。" + marker("zh-a-1"), True),
        ("<details>\n<summary>解题步骤</summary>\n\n一、二\n\n</details>", False),
        ('<details type="reasoning" done="true">\n<summary>想</summary>\n> 想\n</details>\n好', False),
        ("<details>没有关上", False),
        ("好", False),
    ],
)
def test_only_a_snippet_of_ours_is_taken_for_one(text, ours):
    """After any folded block 够了 counted for a word about a joke, and not for what it may say of a life."""
    assert shows_snippet(text) is ours


STORMS = [
    "\n", " ", "<", "<think", "<think>", "</think>", "<details>", "</details", "<details><think>", "<think></details>",
    "[//]: # (psylite ", "\n[//]: # (psylite", "\n\n[//]: # (psylite a)", "[//]: # (psylite " + "a" * 80, "\u0301",
]  # fmt: skip


@pytest.mark.parametrize("storm", STORMS)
def test_hidden_blocks_are_found_in_linear_time(storm):
    def seconds(size: int) -> float:
        text = storm * (size // len(storm)) + "x"
        spent = []
        for _ in range(3):
            started = time.thread_time()
            without_hidden_blocks(text)
            spent.append(time.thread_time() - started)
        return min(spent)

    small, large = seconds(10_000), seconds(80_000)
    assert large < max(0.1, 30 * small)


# -- tasks and the floor


@pytest.mark.parametrize(
    ("metadata", "task"),
    [
        ({"task": "title_generation"}, "title_generation"),
        ({"task": "moa_response_generation"}, None),
        ({"task": ""}, None),
        ({"task": 3}, None),
        ({}, None),
        (None, None),
        ("task", None),
    ],
)
def test_a_task_is_known_by_metadata_alone(metadata, task):
    assert read(person("### Task: title"), metadata=metadata).task == task


@pytest.mark.parametrize(
    ("carried", "risk", "route"),
    [
        ({"risk": "high", "route": "crisis"}, Risk.HIGH, Route.CRISIS),
        ({"risk": "HIGH"}, Risk.HIGH, None),
        ({"risk": "calm", "route": "nowhere"}, Risk.NONE, None),
        ({"risk": None, "route": None}, Risk.NONE, None),
        ({"risk": 3, "route": ["crisis"]}, Risk.NONE, None),
        ("high", Risk.NONE, None),
        (None, Risk.NONE, None),
    ],
)
def test_the_floor_is_read_from_our_own_key(carried, risk, route):
    floor = read(person("x"), psylite=carried).floor
    assert (floor.risk, floor.route) == (risk, route)


def test_answers_can_be_changed_without_touching_the_persons_words():
    talk = read(person("a"), {"role": "assistant", "content": "a"}).map_answers(str.upper)
    assert [(turn.text, turn.raw) for turn in talk.turns] == [("a", "a"), ("A", "a")]
