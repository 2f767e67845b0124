"""What is said of a sudden illness, a poisoning by accident, an injury, fire, gas: nobody means harm, minutes count.
What is one, and what only sounds like it: `talks/emergencies.toml`."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest
from dialogue import Chat

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies.book import Replies
from psylite_pipeline.replies.crisis_texts import Stage

STAGED = ("zh-Hans", "zh-Hant", "en")


@pytest.mark.parametrize(
    "text",
    [
        "外婆从早上起右手拿不起碗，笑起来一边不动",
        "宝宝吃奶的时候嘴唇一阵阵发紫",
        "she's hot, not sweating and getting harder to wake",
    ],
)
def test_one_told_by_signs_that_no_rule_knows_is_met_too(chat: Chat, text: str) -> None:
    chat.user(text)
    assert chat.decision is not None
    assert (chat.kind, chat.decision.rules[-1]) == (Kind.EMERGENCY, "classifier.emergency")
    assert re.search("120|911", chat.shown)
    assert not chat.ollama.calls


@pytest.mark.parametrize("lang", STAGED)
def test_each_text_names_the_number_and_says_who_writes(replies: Replies, lang: str) -> None:
    texts = replies.crisis_texts
    urgent = (
        *texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT),
        *texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT, told=Told.FIRE),
        *texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT, told=Told.GAS),
        *texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT, told=Told.FUMES),
        *texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT, told=Told.UNWOKEN),
    )
    assert len(urgent) >= 8
    for variant in urgent:
        assert variant.names_emergency
        assert "AI" in variant.text


@pytest.mark.parametrize(
    ("region", "number"), [("CN", "119"), ("TW", "119"), ("HK", "999"), ("US", "911"), ("auto", "119")]
)
def test_of_a_fire_the_fire_brigade_is_called(replies: Replies, region: str, number: str) -> None:
    text = replies.crisis(
        kind=Kind.EMERGENCY,
        risk=Risk.IMMINENT,
        lang="zh-Hans",
        region=region,
        said=[],
        seed=0,
        told={Told.FIRE},
    )
    assert number in text
    assert "120" not in text


@pytest.mark.parametrize(("lang", "air"), list(product(STAGED, (Told.GAS, Told.FUMES))))
def test_nobody_is_shut_in_with_gas_and_nobody_calls_from_inside(replies: Replies, lang: str, air: Told) -> None:
    texts = replies.crisis_texts
    told = [text for stage in Stage for text in texts.of(lang, Kind.EMERGENCY, stage, told=air)]
    assert {text.stage for text in told} == {Stage.IMMINENT, Stage.URGENT, Stage.STAYING}
    for variant in told:
        assert not re.search("塞住|關門|关门|关上门|block the gap|shut the door", variant.text), variant.text
        assert re.search("出|外|回去|進去|进去|(?i:out|back in)", variant.text), variant.text
    fire = [text for stage in Stage for text in texts.of(lang, Kind.EMERGENCY, stage, told=Told.FIRE)]
    assert not any(re.search("煤气|瓦斯|漏|gas", text.text) for text in fire)


@pytest.mark.parametrize("lang", STAGED)
def test_a_chest_is_pressed_only_of_who_does_not_breathe_or_cannot_be_woken(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        if variant.kind == Kind.EMERGENCY.value and variant.told not in (Told.BREATH, Told.UNWOKEN):
            assert not re.search("按胸|往下按|壓胸|往下壓|on the chest|middle of the chest", variant.text), variant.text


@pytest.mark.parametrize("lang", STAGED)
def test_wherever_a_chest_is_to_be_pressed_a_child_and_a_baby_are_pressed_otherwise(
    replies: Replies, lang: str
) -> None:
    pressed = [
        variant.text
        for variant in replies.crisis_texts.variants[lang]
        if variant.kind == Kind.EMERGENCY.value and re.search("双手|雙手|both hands", variant.text)
    ]
    assert len(pressed) == 4
    for text in pressed:
        assert re.search("孩子[^。]*一只手|小孩[^。]*一隻手|child[^.]*with one|one for a child", text), text
        assert re.search("拇指|thumbs", text), text


@pytest.mark.parametrize(("lang", "seed"), list(product(STAGED, (0, 1, 2))))
def test_a_talk_of_eight_turns_says_all_that_is_urgent_before_any_of_it_again(
    replies: Replies, lang: str, seed: int
) -> None:
    said: list[str] = []
    for episode in range(8):
        said.append(
            replies.crisis(
                kind=Kind.EMERGENCY, risk=Risk.IMMINENT, lang=lang, region="auto", said=said, seed=seed, episode=episode
            )
        )
    questions = [text.rpartition("\n\n")[2] for text in said]
    urgent = (
        *replies.crisis_texts.of(lang, Kind.EMERGENCY, Stage.IMMINENT),
        *replies.crisis_texts.of(lang, Kind.EMERGENCY, Stage.URGENT),
    )
    assert set(questions[: len(urgent)]) == {variant.question for variant in urgent}
    assert all(one != following for one, following in pairwise(questions))
