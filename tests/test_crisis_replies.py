"""The staged talk of a crisis: what is asked in which order, what was told and is not asked, nothing said twice."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest

from psylite_pipeline.conversation import Conversation, Turn
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Told
from psylite_pipeline.replies import JOINT, LANGUAGES, Replies, Stage, last_resort
from psylite_pipeline.replies.crisis_texts import CRISIS_KINDS, INTENT_KINDS, Variant
from psylite_pipeline.voice import Voice

STAGED = ("zh-Hans", "zh-Hant", "en")


def speak(
    replies: Replies, turns: list[Risk], *, lang: str, kind: Kind, seed: int = 0, region: str = "auto"
) -> list[str]:
    """A scripted talk: what is said at each turn, each seeing what was said before."""
    said: list[str] = []
    for number, risk in enumerate(turns):
        said.append(replies.crisis(kind=kind, risk=risk, lang=lang, region=region, said=said, seed=seed + number))
    return said


def variant_of(replies: Replies, text: str, lang: str) -> Variant:
    """The variant whose question ends `text`."""
    found = [v for v in replies.crisis_texts.variants[lang] if text.endswith(JOINT + v.question)]
    assert len(found) == 1, text
    return found[0]


def stage_of(replies: Replies, text: str, lang: str) -> Stage:
    """The stage whose question ends `text`."""
    return variant_of(replies, text, lang).stage


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


@pytest.mark.parametrize("lang", STAGED)
def test_whoever_gets_help_is_not_kept_by_a_question_but_the_opening_comes_first(replies: Replies, lang: str) -> None:
    def say(said: list[str], risk: Risk) -> Variant:
        told = frozenset(Told) - {Told.SAFE}
        text = replies.crisis(kind=Kind.SELF_HARM, risk=risk, lang=lang, region="auto", said=said, seed=1, told=told)
        said.append(text)
        return variant_of(replies, text, lang)

    said: list[str] = []
    assert say(said, Risk.HIGH).stage is Stage.OPENING
    assert say(said, Risk.HIGH) in replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.STAYING, told=Told.HELP)
    said = []
    assert say(said, Risk.IMMINENT).stage is Stage.IMMINENT
    assert say(said, Risk.IMMINENT) in replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.STAYING, told=Told.HELP)


@pytest.mark.parametrize(("lang", "kind"), list(product(STAGED, [k for k in INTENT_KINDS if k is not Kind.SELF_HARM])))
def test_other_kinds_are_asked_as_ever(replies: Replies, lang: str, kind: Kind) -> None:
    said: list[str] = []
    for _ in range(4):
        said.append(
            replies.crisis(
                kind=kind,
                risk=Risk.HIGH,
                lang=lang,
                region="auto",
                said=said,
                seed=0,
                told=frozenset(Told) - {Told.SHE, Told.HELP, Told.SAFE, Told.SOON},
            )
        )
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


ASKED = [
    Told.UNANSWERED, Told.CANNOT_CALL, Told.HOSPITAL, Told.SECRET, Told.COST, Told.HUMAN, Told.LEAVE,
    Told.WHAT_TO_SAY, Told.TRIED, Told.HOURS, Told.SORRY, Told.STAY,
]  # fmt: skip


@pytest.mark.parametrize(("lang", "kind", "told"), list(product(STAGED, INTENT_KINDS, ASKED)))
def test_what_is_asked_in_a_crisis_is_answered_once_and_the_question_follows(
    replies: Replies, lang: str, kind: Kind, told: Told
) -> None:
    def say(said: list[str], risk: Risk = Risk.HIGH) -> str:
        return replies.crisis(kind=kind, risk=risk, lang=lang, region="auto", said=said, seed=3, told={told})

    (aside,) = [one for one in replies.crisis_texts.asides[lang] if one.told is told]
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
    said = speak(replies, [Risk.IMMINENT], lang=lang, kind=kind)
    found = []
    for turn in range(3):
        said.append(
            replies.crisis(
                kind=kind,
                risk=Risk.HIGH,
                lang=lang,
                region="auto",
                said=said,
                seed=turn,
                told={Told.SAFE, Told.MEANS},
            )
        )
        found.append(variant_of(replies, said[-1], lang))
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
