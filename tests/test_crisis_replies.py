"""The staged talk of a crisis: what is asked in which order, what was told and is not asked, nothing said twice."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest
from staged import STAGED, speak, stage_of, variant_of

from psylite_pipeline.conversation import Conversation, Turn
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Told
from psylite_pipeline.replies import JOINT, LANGUAGES, Replies, Stage, last_resort
from psylite_pipeline.replies.crisis_texts import CRISIS_KINDS, INTENT_KINDS, Variant
from psylite_pipeline.voice import Voice


@pytest.mark.parametrize(("lang", "kind", "seed"), list(product(STAGED, INTENT_KINDS, (0, 1, 5))))
def test_a_talk_of_twelve_turns_asks_in_order_and_repeats_nothing(
    replies: Replies, lang: str, kind: Kind, seed: int
) -> None:
    said = speak(replies, [Risk.HIGH] * 12, lang=lang, kind=kind, seed=seed)
    stages = [stage_of(replies, text, lang) for text in said]
    assert stages[:4] == [Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME]
    assert set(stages[4:]) == {Stage.STAYING}
    paragraphs = [paragraph for text in said for paragraph in text.split(JOINT)]
    assert len(paragraphs) == len(set(paragraphs))


@pytest.mark.parametrize(("lang", "kind"), list(product(STAGED, INTENT_KINDS)))
def test_an_imminent_danger_is_answered_first(replies: Replies, lang: str, kind: Kind) -> None:
    said = speak(replies, [Risk.IMMINENT] * 10, lang=lang, kind=kind)
    stages = [stage_of(replies, text, lang) for text in said]
    assert stages[:2] == [Stage.IMMINENT, Stage.URGENT]
    assert set(stages) == {Stage.IMMINENT, Stage.URGENT}, "words made for a calmer talk would say that it is past"
    paragraphs = [paragraph for text in said[:6] for paragraph in text.split(JOINT)]
    assert len(paragraphs) == len(set(paragraphs)), "all there is, before anything is said again"
    for text in said:
        assert re.search(r"120|110|119|999|emergency number|警|急救", text), text


def test_danger_that_becomes_imminent_interrupts_and_then_goes_on(replies: Replies) -> None:
    turns = [Risk.HIGH, Risk.HIGH, Risk.IMMINENT, Risk.IMMINENT, Risk.HIGH, Risk.HIGH]
    said = speak(replies, turns, lang="zh-Hans", kind=Kind.SELF_HARM)
    stages = [stage_of(replies, text, "zh-Hans") for text in said]
    assert stages == [Stage.OPENING, Stage.MEANS, Stage.IMMINENT, Stage.URGENT, Stage.COMPANY, Stage.STAYING]


def test_the_direct_question_is_not_asked_twice(replies: Replies) -> None:
    for lang in STAGED:
        concern = replies.concern_question(kind=None, lang=lang)
        earlier = ["听起来你很累。" + JOINT + concern]
        reply = replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=earlier, seed=0)
        assert stage_of(replies, reply, lang) is Stage.MEANS
        assert any(reply.startswith(v.head) for v in replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.OPENING))
        follow = replies.crisis(
            kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=[*earlier, reply], seed=1
        )
        assert stage_of(replies, follow, lang) is Stage.COMPANY


@pytest.mark.parametrize(("lang", "seed", "company"), list(product(STAGED, range(6), (Told.COMPANY, Told.ALONE))))
def test_what_was_told_unasked_is_answered_and_not_asked(replies: Replies, lang: str, seed: int, company: Told) -> None:
    """Means named, then company, then help fetched: each is heard once, in words of its own."""
    said: list[str] = []
    known: set[Told] = set()
    stages = []
    for told in (set(), {Told.MEANS}, {company}, {Told.HELP}, set(), set()):
        known = (known - {Told.HELP}) | told
        said.append(
            replies.crisis(
                kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=said, seed=seed, told=known
            )
        )
        stages.append(variant_of(replies, said[-1], lang))
    assert [(variant.stage, variant.told) for variant in stages] == [
        (Stage.OPENING, None),
        (Stage.MEANS, Told.MEANS),
        (Stage.COMPANY, company),
        (Stage.STAYING, Told.HELP),
        (Stage.TIME, None),
        (Stage.STAYING, None),
    ]


@pytest.mark.parametrize("lang", STAGED)
def test_means_named_in_answer_to_our_question_are_answered_once(replies: Replies, lang: str) -> None:
    said: list[str] = []
    found = []
    for told in (set(), set(), {Told.MEANS}, {Told.MEANS}):
        text = replies.crisis(
            kind=Kind.SELF_HARM, risk=Risk.HIGH, lang=lang, region="auto", said=said, seed=len(said), told=told
        )
        said.append(text)
        found.append((variant_of(replies, text, lang).stage, variant_of(replies, text, lang).told))
    assert found == [
        (Stage.OPENING, None),
        (Stage.MEANS, None),
        (Stage.MEANS, Told.MEANS),
        (Stage.COMPANY, None),
    ]


@pytest.mark.parametrize(("lang", "done"), list(product(STAGED, (Told.HELP, Told.ACT))))
def test_whoever_gets_help_is_not_kept_by_a_question_but_the_opening_comes_first(
    replies: Replies, lang: str, done: Told
) -> None:
    """Whoever did something first is met with words of their own."""

    def say(said: list[str], risk: Risk) -> Variant:
        told = frozenset(Told) - {Told.SAFE} - ({Told.ACT} - {done})
        text = replies.crisis(kind=Kind.SELF_HARM, risk=risk, lang=lang, region="auto", said=said, seed=1, told=told)
        said.append(text)
        return variant_of(replies, text, lang)

    said: list[str] = []
    assert say(said, Risk.HIGH).stage is Stage.OPENING
    assert say(said, Risk.HIGH) in replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.STAYING, told=done)
    said = []
    assert say(said, Risk.IMMINENT).stage is Stage.IMMINENT
    assert say(said, Risk.IMMINENT) in replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.STAYING, told=done)


@pytest.mark.parametrize(("lang", "kind"), list(product(STAGED, [k for k in INTENT_KINDS if k is not Kind.SELF_HARM])))
def test_other_kinds_are_asked_as_ever(replies: Replies, lang: str, kind: Kind) -> None:
    told = frozenset(Told) - {Told.SHE, Told.HELP, Told.SAFE, Told.SOON}
    said = speak(replies, [Risk.HIGH] * 4, lang=lang, kind=kind, told=told)
    stages = [stage_of(replies, text, lang) for text in said]
    assert stages == [Stage.OPENING, Stage.MEANS, Stage.COMPANY, Stage.TIME]


def test_a_later_episode_is_asked_anew_in_other_words(replies: Replies) -> None:
    first = speak(replies, [Risk.HIGH] * 4, lang="en", kind=Kind.SELF_HARM)
    calm = [*first, "That sounds better.", "I am glad."]
    again = replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang="en", region="auto", said=calm, seed=0, episode=0)
    assert stage_of(replies, again, "en") is Stage.OPENING
    assert again not in calm
    without = replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang="en", region="auto", said=calm, seed=0)
    assert stage_of(replies, without, "en") is Stage.STAYING


def test_a_change_of_language_or_region_does_not_start_over(replies: Replies) -> None:
    said = speak(replies, [Risk.HIGH] * 2, lang="zh-Hans", kind=Kind.SELF_HARM, region="CN")
    reply = replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang="en", region="US", said=said, seed=0)
    assert stage_of(replies, reply, "en") is Stage.COMPANY


def test_a_very_long_talk_never_says_the_same_twice_in_a_row(replies: Replies) -> None:
    for lang in LANGUAGES:
        said = speak(replies, [Risk.HIGH] * 60, lang=lang, kind=Kind.ABUSE)
        assert all(one != following for one, following in pairwise(said))


def test_replies_depend_on_nothing_but_their_arguments(replies: Replies) -> None:
    one = replies.crisis(kind=Kind.ABUSE, risk=Risk.HIGH, lang="en", region="GB", said=[], seed=7)
    replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang="zh-Hans", region="CN", said=[one], seed=3)
    assert replies.crisis(kind=Kind.ABUSE, risk=Risk.HIGH, lang="en", region="GB", said=[], seed=7) == one


def test_any_kind_and_language_is_answered(replies: Replies) -> None:
    for kind, risk, lang in product(Kind, Risk, (*LANGUAGES, "", "xx")):
        assert replies.crisis(kind=kind, risk=risk, lang=lang, region="auto", said=[], seed=-3).strip()


@pytest.mark.parametrize(("lang", "kind"), list(product(LANGUAGES, CRISIS_KINDS)))
def test_whatever_was_told_and_asked_each_turn_finds_words_that_were_not_said_yet(
    replies: Replies, lang: str, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """Also in a language with few stages, after a concern question in any language, and never from the last resort."""
    asked = ["", *(replies.concern_question(kind=kind, lang=other) for other in {lang, "en"})]
    everything = frozenset(Told)
    tolds = [frozenset(), everything, everything - {Told.HELP}, *(frozenset({one}) for one in Told)]
    for risk, concern, told in product((Risk.HIGH, Risk.IMMINENT), asked, tolds):
        turns = [Turn("assistant", concern, concern)]
        for _ in range(5):
            voice = Voice(replies, Conversation(tuple(turns)), lang, "auto")
            text = voice.crisis(Decision(Route.CRISIS, risk, kind, told=told))
            assert text != last_resort(lang, "auto")
            spoken = JOINT.join(turn.text for turn in turns)
            for variant in replies.crisis_texts.variants[lang]:
                if variant.question in text and variant.question in spoken:
                    others = replies.crisis_texts.of(lang, kind, variant.stage, told=variant.told)
                    assert all(other.stands_in(spoken) for other in others), (risk, told, text)
            # Once an ambulance is on its way, how to press a chest is all that is left to say.
            assert text != turns[-1].text or {Told.HELP, Told.BREATH} <= told, (risk, told)
            turns.append(Turn("assistant", text, text))
    assert caplog.messages == []


@pytest.mark.parametrize("lang", STAGED)
def test_who_has_done_something_is_told_first_aid_and_keeps_hearing_of_the_ambulance(
    replies: Replies, lang: str
) -> None:
    said: list[str] = []
    for turn in range(6):
        said.append(
            replies.crisis(
                kind=Kind.SELF_HARM, risk=Risk.IMMINENT, lang=lang, region="auto", said=said, seed=turn, told={Told.ACT}
            )
        )
    variants = [variant_of(replies, text, lang) for text in said]
    assert variants[0].told is Told.ACT
    assert {variant.stage for variant in variants} == {Stage.IMMINENT, Stage.URGENT}
    assert len(set(said)) == len(said)
    assert all(re.search(r"120|119|999|emergency number", text) for text in said)


@pytest.mark.parametrize(
    ("lang", "region", "place"),
    [
        ("zh-Hans", "auto", "香港打 999"),
        ("zh-Hans", "auto.zh-Hans", "这些是中国大陆的号码"),
        ("zh-Hans", "auto.zh-Hant", "这些是台湾和香港的号码"),
        ("zh-Hans", "auto.en", ""),
        ("zh-Hans", "CN", ""),
        ("zh-Hant", "auto", "這些是台灣和香港的號碼"),
        ("zh-Hant", "auto.yue", "這些是台灣和香港的號碼"),
        ("zh-Hant", "auto.zh-Hans", "這些是中國大陸的號碼"),
        ("zh-Hant", "TW", ""),
        ("en", "auto.zh-Hans", "These are numbers for mainland China"),
        ("en", "auto.zh-Hant", "These are numbers for Taiwan and Hong Kong"),
        ("en", "auto", ""),
        ("en", "CN", ""),
        ("other", "auto.zh-Hans", "These numbers are for mainland China"),
    ],
)
def test_of_which_place_the_numbers_are_is_said_once_where_nobody_told_the_place(
    replies: Replies, lang: str, region: str, place: str
) -> None:
    risks, any_place = (Risk.HIGH, Risk.IMMINENT), re.compile("这些是|這些是|These are numbers|These numbers are")
    for risk in risks if lang != "other" else risks[:1]:
        said = speak(replies, [risk] * 4, lang=lang, kind=Kind.ABUSE, region=region)
        assert [text.count(place) if place else 0 for text in said] == [int(bool(place)), 0, 0, 0]
        assert len(any_place.findall("".join(said))) == bool(place)
