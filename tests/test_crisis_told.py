"""What a person in danger tells or asks beside what they were asked: it is answered, in words for them."""

from __future__ import annotations

import re
from itertools import product

import pytest
from staged import STAGED, speak, stage_of, variant_of

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies import JOINT, Replies, Stage
from psylite_pipeline.replies.crisis_texts import INTENT_KINDS, Variant

ASKED = [
    Told.UNANSWERED, Told.CANNOT_CALL, Told.HOSPITAL, Told.SECRET, Told.COST, Told.HUMAN, Told.LEAVE,
    Told.WHAT_TO_SAY, Told.TRIED, Told.REBUFFED, Told.HOURS, Told.SORRY, Told.STAY,
]  # fmt: skip


@pytest.mark.parametrize(("lang", "kind", "told"), list(product(STAGED, INTENT_KINDS, ASKED)))
def test_what_is_asked_in_a_crisis_is_answered_once_and_the_question_follows(
    replies: Replies, lang: str, kind: Kind, told: Told
) -> None:
    def say(said: list[str], risk: Risk = Risk.HIGH) -> str:
        return replies.crisis(kind=kind, risk=risk, lang=lang, region="auto", said=said, seed=3, told={told})

    aside = next(replies.crisis_texts.asides_for(lang, kind, {told}))
    answer = aside.text.partition("{")[0]
    opening = say([])
    assert answer not in opening, "the lines come first"
    second = say([opening])
    assert second.startswith(answer)
    assert "{" not in second
    assert stage_of(replies, second, lang) is Stage.MEANS, "and the talk goes on"
    assert answer not in say([opening, second])
    assert answer not in say([opening], Risk.IMMINENT), "nothing comes before a life"


@pytest.mark.parametrize(("lang", "told"), list(product(STAGED, (Told.COST, Told.HUMAN, Told.SECRET))))
def test_while_nothing_is_under_way_yet_one_sentence_answers_and_the_call_follows(
    replies: Replies, lang: str, told: Told
) -> None:
    def say(said: list[str], told: set[Told]) -> str:
        return replies.crisis(
            kind=Kind.SELF_HARM, risk=Risk.IMMINENT, lang=lang, region="auto", said=said, seed=0, told=told
        )

    (aside,) = [one for one in replies.crisis_texts.asides[lang] if one.told is told]
    first = say([], set())
    second = say([first], {told})
    assert second.startswith(aside.urgent + JOINT)
    assert len(re.findall("[。.]", aside.urgent)) == 1
    assert re.search(r"120|110|119|999|emergency number", second.removeprefix(aside.urgent))
    assert aside.urgent not in say([first, second], {told})
    for under_way in (Told.ACT, Told.EDGE):
        assert aside.urgent not in say([first], {told, under_way}), "nothing comes before a life"


@pytest.mark.parametrize(("lang", "kind"), list(product(STAGED, (*INTENT_KINDS, Kind.EMERGENCY))))
def test_what_is_behind_them_is_answered_once_and_the_talk_goes_on(replies: Replies, lang: str, kind: Kind) -> None:
    first = speak(replies, [Risk.IMMINENT], lang=lang, kind=kind)
    then = speak(replies, [Risk.HIGH] * 3, lang=lang, kind=kind, told={Told.SAFE, Told.MEANS}, after=first)
    found = [variant_of(replies, text, lang) for text in then]
    answers = Told.SAFE if kind is not Kind.ABUSE else None
    assert [one.told for one in found] == [answers, None, None]
    if answers:
        assert {one.stage for one in found} == {Stage.STAYING}, "who stays with them has been asked"


@pytest.mark.parametrize("lang", STAGED)
def test_a_question_that_leans_on_its_text_keeps_it_beside_an_aside(replies: Replies, lang: str) -> None:
    said = speak(replies, [Risk.HIGH] * 4, lang=lang, kind=Kind.SELF_HARM)
    reply = replies.crisis(
        kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=said, seed=0, told={Told.JOKE}
    )
    assert variant_of(replies, reply, lang).stage is Stage.STAYING
    assert reply.count(JOINT) == 2


@pytest.mark.parametrize("lang", ["zh-Hans", "zh-Hant"])
def test_of_a_woman_it_is_said_she_and_nothing_is_asked_twice(replies: Replies, lang: str) -> None:
    said: list[str] = []
    for turn in range(8):
        said.append(
            replies.crisis(
                kind=Kind.SOMEONE_ELSE, risk=Risk.HIGH, lang=lang, region="auto", said=said, seed=turn, told={Told.SHE}
            )
        )
    assert any("她" in text for text in said)
    assert not re.search("(?<!其)他(?!们|們|人)", "".join(said))
    him = [text.replace("她", "他") for text in said]
    assert [stage_of(replies, text, lang) for text in him[:4]] == [
        Stage.OPENING,
        Stage.MEANS,
        Stage.COMPANY,
        Stage.TIME,
    ]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize(("lang", "seed"), list(product(STAGED, range(3))))
def test_who_injures_themselves_is_asked_about_it_to_the_end(replies: Replies, lang: str, seed: int) -> None:
    said: list[str] = []
    for also in (set(), {Told.DENIAL}, set(), set()):
        said.append(
            replies.crisis(
                kind=Kind.SELF_HARM,
                risk=Risk.HIGH,
                lang=lang,
                region="auto",
                said=said,
                seed=seed,
                told={Told.INJURY, *also},
            )
        )
    variants = [variant_of(replies, text, lang) for text in said]
    assert [(variant.stage, variant.told) for variant in variants] == [
        (Stage.OPENING, Told.INJURY),
        (Stage.MEANS, Told.INJURY),
        (Stage.COMPANY, None),
        (Stage.TIME, Told.INJURY),
    ]
    assert variants[1].text[:20] in said[1], "the wound is spoken of beside the thanks for the answer"


def test_means_at_hand_are_answered_before_an_injury_and_an_act_before_both(replies: Replies) -> None:
    def say(said: list[str], risk: Risk, told: set[Told]) -> Variant:
        text = replies.crisis(kind=Kind.SELF_HARM, risk=risk, lang="en", region="auto", said=said, seed=0, told=told)
        said.append(text)
        return variant_of(replies, text, "en")

    said: list[str] = []
    assert say(said, Risk.HIGH, {Told.INJURY}).told is Told.INJURY
    assert say(said, Risk.HIGH, {Told.MEANS}).told is Told.MEANS
    assert say(said, Risk.IMMINENT, {Told.MEANS, Told.ACT}).told is Told.ACT


@pytest.mark.parametrize("lang", STAGED)
def test_an_injury_after_the_direct_question_is_not_asked_it_again(replies: Replies, lang: str) -> None:
    earlier = ["…" + JOINT + replies.concern_question(kind=None, lang=lang)]
    reply = replies.crisis(
        kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=earlier, seed=0, told={Told.INJURY}
    )
    assert (variant_of(replies, reply, lang).stage, variant_of(replies, reply, lang).told) == (Stage.MEANS, Told.INJURY)
    openings = replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.OPENING, told=Told.INJURY)
    assert any(reply.startswith(variant.head) for variant in openings)


@pytest.mark.parametrize(
    ("lang", "region", "number"),
    [
        ("en", "GB", "0800 1111"),
        ("zh-Hans", "auto", "12355"),
        ("zh-Hant", "TW", "113"),
        ("en", "INTL", "findahelpline"),
    ],
)
@pytest.mark.parametrize("kind", INTENT_KINDS)
def test_a_child_is_told_of_grown_ups_and_a_line_for_children(
    replies: Replies, kind: Kind, lang: str, region: str, number: str
) -> None:
    opening = replies.crisis(kind=kind, risk=Risk.HIGH, lang=lang, region=region, said=[], seed=0)
    reply = replies.crisis(
        kind=kind, risk=Risk.HIGH, lang=lang, region=region, said=[opening], seed=1, told={Told.YOUNG}
    )
    first = reply.split(JOINT)[0]
    assert number in first
    assert re.search("大人|grown-up|adult", first)
    assert stage_of(replies, reply, lang) is Stage.MEANS
    if kind is Kind.ABUSE:
        assert re.search("送回去|send you back", first), "home may be where the danger is"


@pytest.mark.parametrize("lang", STAGED)
@pytest.mark.parametrize(
    ("kind", "told", "own"),
    [
        (Kind.HARM_TO_OTHERS, Told.BABY, {Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME}),
        (Kind.ABUSE, Told.TOUCHED, {Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME}),
    ],
)
def test_a_child_in_ones_care_and_being_touched_are_talks_of_their_own(
    replies: Replies, lang: str, kind: Kind, told: Told, own: set[Stage]
) -> None:
    said: list[str] = []
    for _ in range(4):
        said.append(
            replies.crisis(kind=kind, risk=Risk.HIGH, lang=lang, region="auto", said=said, seed=len(said), told={told})
        )
    variants = [variant_of(replies, text, lang) for text in said]
    assert [variant.stage for variant in variants] == [Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME]
    assert {variant.stage for variant in variants if variant.told is told} == own
    if told is Told.BABY:
        assert re.search("小床|cot", said[0]), "the child is put down, not left"
        assert re.search("想过死|想過死|dying", variants[-1].question), "and the parent is asked about themselves"


@pytest.mark.parametrize(
    ("kind", "told", "numbers"),
    [
        (Kind.SELF_HARM, Told.BATTERY, ["12356", "120"]),
        (Kind.ABUSE, Told.BATTERY, ["12338", "110"]),
        (Kind.SELF_HARM, Told.POLICE, ["12356", "120"]),
        (Kind.ABUSE, Told.POLICE, ["12338", "110"]),
    ],
)
def test_who_has_no_time_or_wants_no_police_is_told_the_lines_that_fit(
    replies: Replies, kind: Kind, told: Told, numbers: list[str]
) -> None:
    for lang in STAGED:
        opening = replies.crisis(kind=kind, risk=Risk.HIGH, lang=lang, region="CN", said=[], seed=0)
        reply = replies.crisis(kind=kind, risk=Risk.HIGH, lang=lang, region="CN", said=[opening], seed=1, told={told})
        assert [number for number in numbers if number not in reply.split(JOINT)[0]] == [], reply
