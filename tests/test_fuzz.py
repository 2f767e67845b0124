"""Bodies of every shape: decide never raises, always gives a whole decision; reply always yields words."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scripted import HashEncoder, KeywordClassifier, KeywordRules, ScriptedModel, scripted_counsellor, shipped_lexicon

from psylite_pipeline.conversation import Conversation, marked, without_hidden_blocks
from psylite_pipeline.decision import Decision, Kind, Risk, Route
from psylite_pipeline.jsonl import as_json, decide_lines
from psylite_pipeline.model import Words
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.judge import NO_VERDICT
from psylite_pipeline.settings import Preferences

quick = settings(
    max_examples=80,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
many = settings(quick, max_examples=400)

# -- what people, hosts and attackers may send

FRAGMENTS = [
    "我",
    "今天",
    "哈哈",
    "笑话",
    "JOKE",
    "FUN",
    "WORRY",
    "GRIEF",
    "BOMB",
    "KIDDING",
    "ASK",
    "yes",
    "<details>",
    "</details>",
    "<details><summary>x</summary>",
    "<think>",
    "</think>",
    "<",
    ">",
    "\n\n[//]: # (psylite s-1)",
    "[//]: # (psylite ",
    "</素材>",
    "### Task:",
    "system:",
    "<|im_start|>assistant",
    "\n\nassistant:",
    "{note}",
    "{earlier}",
    "\u200b",
    "\u200d",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u0301" * 30,
    "e\u0301\u0323",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "\udfff",
    "🏳️‍🌈",
    "𝕀",
    "ｗａｎｔ",
    "\r\n",
    "\n" * 50,
    " " * 50,
    "a" * 300,
    "死" * 30,
    "\U000e0041",
]
TEXT = st.text(max_size=20) | st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


def deep(value: Any) -> Any:
    for _ in range(1_500):
        value = [value]
    return value


ODD = st.sampled_from([None, True, 0, -1, 10**400, 1e308, math.nan, math.inf, "", [], {}, deep("x"), {"a": deep("x")}])
JSON = st.recursive(ODD | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
PART = (
    st.builds(lambda text: {"type": "text", "text": text}, TEXT)
    | st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}})
    | st.fixed_dictionaries({"type": JSON, "text": JSON})
    | JSON
)
CONTENT = TEXT | st.lists(PART, max_size=4) | ODD
ROLE = st.sampled_from(["user", "assistant", "system", "developer", "tool", "USER", "moderator", ""]) | ODD
MESSAGE = st.fixed_dictionaries({"role": ROLE, "content": CONTENT}, optional={"images": JSON, "name": JSON}) | JSON
CARRIED = (
    st.fixed_dictionaries(
        {},
        optional={
            "risk": st.sampled_from(["none", "concern", "high", "imminent", "calm"]) | ODD,
            "route": st.sampled_from([*Route, "x"]) | ODD,
            "task": st.sampled_from(["title_generation", "moa_response_generation", "x"]) | ODD,
        },
    )
    | JSON
)
BODY = (
    st.fixed_dictionaries(
        {"messages": st.lists(MESSAGE, max_size=6)},
        optional={
            "metadata": st.fixed_dictionaries({}, optional={"task": TEXT | ODD}) | JSON,
            "psylite": CARRIED,
            "stream": JSON,
            "model": JSON,
            "tools": JSON,
        },
    )
    | st.dictionaries(TEXT, JSON, max_size=3)
    | JSON
)
PREFERENCES = st.sampled_from(
    [
        Preferences(),
        Preferences(calm_turns=1, humour_every=1, sensitivity="high", show_snippet=False),
        Preferences(judge="always", reminder_every=1, language="en", region="HK"),
        Preferences(judge="unsure", humour=False, language="zh-Hant", region="INTL", reminder_every=0),
    ]
)


def whole(decision: Decision) -> None:
    """A decision that any later part can trust."""
    assert isinstance(decision.route, Route)
    assert isinstance(decision.risk, Risk)
    assert decision.kind is None or isinstance(decision.kind, Kind)
    scores = decision.scores
    for score in (scores.risk, scores.harmful_request, scores.humour):
        assert 0.0 <= score <= 1.0
    assert decision.milliseconds >= 0
    assert bool(decision.snippets) == (decision.route is Route.HUMOUR)
    if decision.route in (Route.HUMOUR, Route.PLAIN):
        assert decision.risk is Risk.NONE
    if decision.route is Route.CRISIS:
        assert decision.risk >= Risk.HIGH
        assert decision.kind is not None
    if decision.risk >= Risk.HIGH:
        assert decision.route in (Route.CRISIS, Route.TASK)
    if decision.route is Route.SUPPORT:
        assert decision.risk is Risk.CONCERN
        assert decision.episode is not None or NO_VERDICT in decision.rules
    json.dumps(as_json(decision), allow_nan=False).encode()


def answered(counsellor, conversation, decision, preferences) -> str:
    pieces = list(counsellor.reply(conversation, decision, preferences))
    shown = "".join(piece.text for piece in pieces if isinstance(piece, Words))
    assert shown.strip(), "silence"
    shown.encode("utf-8")
    assert "Traceback" not in shown
    return shown


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    model = ScriptedModel("我在听。")
    return scripted_counsellor(tmp_path_factory.mktemp("scripted"), model), model


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The real lexicon and texts; the encoder is a quick one, its judgement is not the matter here."""
    from psylite_pipeline.opening import open_classifier
    from psylite_pipeline.settings import Settings

    where = Settings.load(data_dir=tmp_path_factory.mktemp("real"))
    real = {"rules": shipped_lexicon(), "classifier": open_classifier(where)}
    return scripted_counsellor(where.data_dir, ScriptedModel("我在听。"), encoder=HashEncoder(512), **real)


def judged(counsellor, body: Any, preferences: Preferences) -> tuple[Conversation, Decision]:
    conversation = Conversation.from_body(body)
    decision = counsellor.decide(conversation, preferences)
    whole(decision)
    return conversation, decision


@many
@given(body=BODY, preferences=PREFERENCES)
def test_any_body_gets_a_whole_decision_and_words(scripted, body, preferences):
    counsellor, model = scripted
    conversation, decision = judged(counsellor, body, preferences)
    before = len(model.calls)
    answered(counsellor, conversation, decision, preferences)
    counsellor.guidance(conversation, decision, preferences)
    if decision.route in (Route.CRISIS, Route.DECLINE):
        assert len(model.calls) == before
    for call in model.calls[before:]:
        for message in call:
            assert set(message) == {"role", "content"}
            assert isinstance(message["content"], str)
            message["content"].encode("utf-8")
    model.calls.clear()


@quick
@given(body=BODY, preferences=PREFERENCES)
def test_any_body_with_the_real_lexicon(real, body, preferences):
    conversation, decision = judged(real, body, preferences)
    answered(real, conversation, decision, preferences)


@quick
@given(body=BODY)
def test_judging_twice_gives_the_same(scripted, body):
    counsellor, _ = scripted
    first, again = (counsellor.decide(Conversation.from_body(body)) for _ in range(2))
    assert as_json(first) | {"ms": 0} == as_json(again) | {"ms": 0}


# -- nothing skips a crisis

TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": CONTENT}),
    max_size=5,
)
PERSON = st.sampled_from(["user", "User", "human", "", "moderator", None, 3])


def shaped(text: str, shape: int) -> Any:
    return (
        text,
        [{"type": "text", "text": text}],
        [{"type": "image_url"}, {"type": "input_text", "text": text}, {"type": "text", "text": "哈哈开玩笑"}],
        [text, None, 3],
    )[shape]


@many
@given(
    before=TURNS, role=PERSON, around=st.tuples(TEXT, TEXT), shape=st.integers(0, 3), carried=CARRIED,
    preferences=PREFERENCES,
)  # fmt: skip
@example([], "user", ("<think>", "</think>"), 0, {"route": "plain", "risk": "none"}, Preferences())
@example([], "user", ("<details>", ""), 1, {"route": "humour"}, Preferences())
def test_nothing_around_plain_danger_skips_the_crisis(scripted, before, role, around, shape, carried, preferences):
    if isinstance(carried, dict):
        carried = {key: value for key, value in carried.items() if key != "task"}  # inlets drop a forged one
    counsellor, model = scripted
    content = shaped(f"{around[0]} DIE {around[1]}", shape)
    body = {"messages": [*before, {"role": role, "content": content}], "psylite": carried}
    conversation, decision = judged(counsellor, body, preferences)
    assert decision.route is Route.CRISIS
    model.calls.clear()
    answered(counsellor, conversation, decision, preferences)
    assert model.calls == []


@pytest.mark.parametrize("danger", ["我不想活了", "I want to kill myself"])
@quick
@given(
    noise=st.lists(
        st.sampled_from(["\u200b", "\u200d", "\ufeff", "\u2066", "\u0301", "\ud800", "\x00"]), min_size=1, max_size=5
    )
)
def test_marks_nobody_sees_hide_nothing(real, danger, noise):
    for mark in ("".join(noise), "".join(noise) * 200):
        text = mark.join(danger)
        decision = real.decide(Conversation.from_body({"messages": [{"role": "user", "content": text}]}))
        assert decision.route is Route.CRISIS, ascii(mark[:5])


@quick
@given(around=st.tuples(TEXT, TEXT), preferences=PREFERENCES)
def test_the_real_lexicon_hears_a_sentence_of_its_own_whatever_stands_around(real, around, preferences):
    text = f"{around[0]}\n。我不想活了。\n{around[1]}"
    decision = real.decide(Conversation.from_body({"messages": [{"role": "user", "content": text}]}), preferences)
    assert decision.route in (Route.CRISIS, Route.SUPPORT)  # a frame around it may lower it, nothing may lose it
    assert decision.risk >= Risk.CONCERN


# -- nothing unlocks humour after risk

LATER = st.lists(
    st.sampled_from(["来个JOKE", "FUN 哈哈", "KIDDING 哈哈", "JOKE KIDDING", "", "好", [{"type": "image_url"}]])
    | CONTENT,
    min_size=1,
    max_size=6,
)
ANSWERS = TEXT | st.sampled_from(
    ["好，都过去了", "<details>甲：第1句开场</details>", "[//]: # (psylite s-1)", "</think>"]
)


@many
@given(
    first=st.sampled_from(["DIE", "NOW", "BEATEN"]),
    later=LATER,
    answers=st.lists(ANSWERS, min_size=7, max_size=7),
    carried=CARRIED,
)
def test_nothing_unlocks_humour_in_a_crisis_or_soon_after(scripted, first, later, answers, carried):
    counsellor, _ = scripted
    if isinstance(carried, dict):
        carried = {key: value for key, value in carried.items() if key != "task"}
    messages: list[Any] = [{"role": "user", "content": first}]
    preferences = Preferences(calm_turns=1, humour_every=1)
    for answer, content in zip(answers, later, strict=False):
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": content}]
        _, decision = judged(counsellor, {"messages": messages, "psylite": carried}, preferences)
        assert decision.route not in (Route.HUMOUR, Route.PLAIN)
        assert decision.risk >= Risk.CONCERN


@many
@given(
    turns=st.lists(CONTENT, max_size=5), last=st.sampled_from(["来个JOKE", "FUN 今天"]), seen=st.sets(st.integers(0, 9))
)
def test_a_snippet_that_an_answer_names_is_not_offered_again(scripted, turns, last, seen):
    counsellor, _ = scripted
    messages = [{"role": "user", "content": turn} for turn in turns]
    messages += [{"role": "assistant", "content": f"好\n\n[//]: # (psylite s-{number})"} for number in sorted(seen)]
    _, decision = judged(
        counsellor, {"messages": [*messages, {"role": "user", "content": last}]}, Preferences(humour_every=1)
    )
    assert not {f"s-{number}" for number in seen} & set(decision.snippets)


# -- the lexicon alone is a floor


RULED = st.sampled_from(["NOW", "DIE", "BEATEN", "THEIRS", "WORRY", "BOMB", "ASK", "yes", "DOUBT", "BARELY", "“", "我"])


@many
@given(texts=st.lists(st.lists(RULED, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=4))
@example(["DIE DOUBT"])
@example(["“ NOW DOUBT"])
def test_what_a_classifier_may_take_from_the_rules(texts):
    """Of words that rules of high know it leaves care at least, unless they are quoted, and all of an act under way;
    nothing of a harmful request."""
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text} for text in texts]})
    alone = Assessor(KeywordRules(), None).assess(talk).last
    both = Assessor(KeywordRules(), KeywordClassifier()).assess(talk, HashEncoder().encode).last
    assert both.closely
    assert both.level >= alone.level or alone.level < Risk.IMMINENT
    assert both.level >= min(alone.level, Risk.CONCERN) or alone.level < Risk.HIGH or "“" in texts[-1]
    assert both.harmful >= alone.harmful


# -- lines, hidden blocks


@quick
@given(
    lines=st.lists(
        BODY.map(lambda body: json.dumps(body)) | TEXT | st.sampled_from(["", " ", "[", "{}", "null", "NaN"]),
        max_size=6,
    )
)
def test_every_line_gets_its_answer_in_its_place(scripted, lines):
    counsellor, _ = scripted
    lines = [line.replace("\n", " ") for line in lines]
    found = list(decide_lines(lines, counsellor, Preferences()))
    numbers = [number for number, line in enumerate(lines, 1) if line.strip()]
    for number, one in zip(numbers, found, strict=True):
        json.dumps(one, allow_nan=False).encode()
        if "error" in one:
            assert set(one) == {"error"}
            assert one["error"].startswith(f"line {number}: ")
        else:
            assert set(one) == {"route", "risk", "kind", "humour_fit", "snippets", "rules", "scores", "ms"}
            assert set(one["scores"]) == {"risk", "harmful_request", "humour"}


@many
@given(TEXT)
def test_cleaning_is_done_in_one_go_and_leaves_no_tag_of_ours_open(text):
    clean = without_hidden_blocks(text)
    assert len(clean) <= len(text)
    assert marked(clean) == () or marked(text) != ()
    assert without_hidden_blocks(f"{clean}<think>x</think>").rstrip() == without_hidden_blocks(clean).rstrip()


def test_storms_and_deep_nesting_are_judged(real):
    for text in (
        "\u0301" * 100_000,
        "<details>" * 20_000,
        "我" + "\u200b" * 100_000 + "好",
        "(" * 100_000,
        "死 " * 50_000,
        "a." * 50_000,
    ):
        for role in ("user", "assistant"):
            body = {"messages": [{"role": role, "content": text}, {"role": "user", "content": "今天有点累"}]}
            conversation = Conversation.from_body(body)
            whole(real.decide(conversation))  # for the time they take see test_storms_are_linear
