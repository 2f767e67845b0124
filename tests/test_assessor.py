"""The assessor: each turn read once, what a closer look shows, what is carried on, what is remembered of a text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scripted import KeywordClassifier, KeywordRules

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.memory import ScoreCache
from psylite_pipeline.risk.reading import Finding
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds
from psylite_pipeline.risk.walk import DECAY, Assessment

NONE, CONCERN, HIGH, IMMINENT = Risk


# -- an emergency that no rule knows


@pytest.mark.parametrize(
    ("text", "scores", "level", "kind"),
    [
        ("x", Probabilities(emergency=0.9), IMMINENT, Kind.EMERGENCY),
        ("x", Probabilities(emergency=0.4), NONE, None),
        ("x", Probabilities(emergency=0.8, concern=0.9, high=0.7), IMMINENT, Kind.EMERGENCY),
        ("x", Probabilities(emergency=0.8, concern=0.95, high=0.9), HIGH, Kind.SELF_HARM),
        ("DIE", Probabilities(emergency=0.9), HIGH, Kind.SELF_HARM),
        ("NOW", Probabilities(emergency=0.9), IMMINENT, Kind.SELF_HARM),
    ],
)
def test_the_classifier_finds_an_emergency_where_nobody_means_harm(text, scores, level, kind):
    class Says(KeywordClassifier):
        def read(self, text, vector, findings):
            return scores

    talk = Conversation.from_body({"messages": [{"role": "user", "content": text}]})
    found = Assessor(KeywordRules(), Says()).assess(talk)
    assert (found.level, found.kind) == (level, kind)


@pytest.mark.parametrize(("high", "level"), [(0.8, NONE), (0.95, HIGH)])
def test_a_request_plainly_for_somebody_else_is_no_danger_unless_the_classifier_is_very_sure(high, level):
    class Plain(KeywordRules):
        def findings(self, text):
            return (Finding("t.dosing", NONE, Kind.HARMFUL_REQUEST, "", sure=True),)

    class Says(KeywordClassifier):
        def read(self, text, vector, findings):
            return Probabilities(concern=0.4, high=high)

    talk = Conversation.from_body({"messages": [{"role": "user", "content": "x"}]})
    found = Assessor(Plain(), Says()).assess(talk)
    assert (found.last.level, found.harmful) == (level, True)


# -- the assessor


class Counting(KeywordClassifier):
    """With a vector it needs less to be sure; what it read is kept."""

    thresholds = Thresholds(concern_en=0.5, words_concern_en=0.99)

    def __init__(self):
        self.seen = []

    def read(self, text, vector, findings):
        self.seen.append((text, vector is not None))
        return Probabilities(concern=0.95 if text == "two" else 0.1)


def test_each_turn_is_read_once_and_means_later_what_it_meant_when_it_was_said():
    classifier = Counting()
    assessor = Assessor(KeywordRules(), classifier)
    messages = [{"role": "user", "content": text} for text in ("one", "two", " ", "three")]
    levels = [
        assessor.assess(
            Conversation.from_body({"messages": messages[:length]}), lambda texts: np.ones((len(texts), 16))
        ).level
        for length in range(1, 5)
    ]
    assert levels == [NONE, CONCERN, CONCERN, CONCERN]
    assert classifier.seen == [("one", True), ("two", True), ("three", True)]


def test_without_an_encoder_more_is_needed_and_nothing_is_kept():
    classifier = Counting()
    assessor = Assessor(KeywordRules(), classifier)
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text} for text in ("two", "three")]})
    assert assessor.assess(talk).level is NONE
    assert assessor.assess(talk, lambda texts: np.ones((len(texts), 16))).level is CONCERN
    assert classifier.seen == [("two", False), ("three", False), ("two", True), ("three", True)]


def test_where_the_encoder_fails_for_a_passage_nothing_is_kept_and_the_turn_is_no_calmer():
    text = "Each night on the ward I look after people who fight to stay. GRAVE it is for me. An agency nurse in Leeds."
    assessor = Assessor(KeywordRules(), KeywordClassifier())
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text}]})
    asked = []

    def encode(texts):
        asked.append(tuple(texts))
        return None if len(asked) == 2 else np.ones((len(texts), 16))

    failed = assessor.assess(talk, encode)
    assert failed.level >= CONCERN and not failed.last.closely
    well = assessor.assess(talk, encode)
    assert well.level >= failed.level and well.last.closely
    assert asked[2:] == asked[:2] == [(text,), asked[1]], "it is read anew once the encoder is well"


def test_two_talks_are_two_whatever_characters_part_their_words():
    long = "a long enough sentence that is no half of anything at all here"

    def level(assessor, asked, text):
        said = [("user", long), ("assistant", asked), ("user", text)]
        talk = Conversation.from_body({"messages": [{"role": role, "content": words} for role, words in said]})
        return assessor.assess(talk, lambda texts: np.ones((len(texts), 16))).level

    assessor = Assessor(KeywordRules(), KeywordClassifier())
    assert level(assessor, "x\0DIE", long) is NONE
    assert level(assessor, "x", f"DIE\0{long}") is HIGH


def test_a_request_in_pieces_is_declined():
    assessor = Assessor(KeywordRules(), KeywordClassifier())

    def harmful(*turns: str) -> bool:
        messages = [{"role": "user", "content": text} for text in turns]
        return assessor.assess(Conversation.from_body({"messages": messages})).harmful

    assert harmful("HALF", "x", "AND THEN")
    assert not harmful("x", "AND THEN")
    assert not harmful("HALF", "AND THEN", "x")


def test_what_was_declined_taints_no_later_wish():
    class Pieces(KeywordClassifier):
        def in_pieces(self, text, before, findings):
            return 0.9 if any(word in one for one in before for word in ("BAD", "BOMB")) else 0.0

    assessor = Assessor(KeywordRules(), Pieces())

    def harmful(*turns: str) -> bool:
        messages = [{"role": "user", "content": text} for text in turns]
        return assessor.assess(Conversation.from_body({"messages": messages})).harmful

    for declined in ("BAD", "BOMB"):
        assert harmful(declined, "and then")
        assert not harmful(declined, "leeks and some cheddar")
        assert not harmful(declined, "which soup would you make", "leeks")


def test_everyday_things_are_not_declined_by_the_classifier_alone():
    assessor = Assessor(KeywordRules(), KeywordClassifier())

    def harmful(text: str) -> bool:
        return assessor.assess(Conversation.from_body({"messages": [{"role": "user", "content": text}]})).harmful

    assert harmful("BAD")
    assert not harmful("BAD CARD")
    assert harmful("BOMB CARD")


def test_thanks_and_scolding_after_a_refusal_are_not_refused():
    class Pieces(KeywordClassifier):
        def in_pieces(self, text, before, findings):
            return 0.9

    assessor = Assessor(KeywordRules(), Pieces())
    for said, declined in (("x", True), ("TOLD bye", False), ("TOLD unheard", False)):
        messages = [{"role": "user", "content": text} for text in ("BAD", said)]
        assert assessor.assess(Conversation.from_body({"messages": messages})).harmful is declined


def test_an_earlier_turn_means_what_it_answered():
    assessor = Assessor(KeywordRules(), KeywordClassifier())

    def level(asked: str) -> Risk:
        said = [("user", "x"), ("assistant", asked), ("user", "yes"), ("assistant", "嗯"), ("user", "x")]
        messages = [{"role": role, "content": text} for role, text in said]
        return assessor.assess(Conversation.from_body({"messages": messages})).level

    assert (level("嗯"), level("ASK"), level("嗯")) == (NONE, HIGH, NONE)


def test_an_earlier_turn_is_judged_as_sensitively_and_with_its_findings():
    class Seen(KeywordClassifier):
        def read(self, text, vector, findings):
            assert isinstance(findings, tuple)
            return super().read(text, vector, findings)

    assessor = Assessor(KeywordRules(), Seen())
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text} for text in ("NEARLY", "x")]})
    assert assessor.assess(talk).level is CONCERN
    assert assessor.assess(talk, sensitive=True).level is HIGH


def test_a_yes_in_other_words_counts_at_an_earlier_turn_too():
    assessor = Assessor(KeywordRules(), KeywordClassifier())
    said = [("user", "x"), ("assistant", "ASK"), ("user", "NOD"), ("assistant", "嗯"), ("user", "x")]
    talk = Conversation.from_body({"messages": [{"role": role, "content": text} for role, text in said]})
    assert assessor.assess(talk).level is HIGH


def test_the_worst_of_many_texts():
    assessor = Assessor(KeywordRules(), None)
    assert assessor.worst([]) is NONE
    assert assessor.worst(["x", "WORRY", "DIE", "WORRY"]) is HIGH


# -- what only a closer look at a turn shows


def read_alone(text: str, assistant: str = "", **limits: float) -> Assessment:
    classifier = KeywordClassifier()
    classifier.thresholds = replace(classifier.thresholds, **limits)
    turns = [{"role": "assistant", "content": assistant}] if assistant else []
    talk = Conversation.from_body({"messages": [*turns, {"role": "user", "content": text}]})
    return Assessor(KeywordRules(), classifier).assess(talk)


def test_asking_for_a_joke_takes_more_to_be_declined():
    assert read_alone("SHADY").harmful
    assert not read_alone("JOKE SHADY").harmful
    assert read_alone("JOKE BAD").harmful
    assert read_alone("BAD").last.rules == ("classifier.harmful_request",)


def test_in_doubt_words_about_ones_own_harm_get_care_and_not_a_refusal():
    found = read_alone("GRAVE BAD", harmful=0.6)
    assert (found.level, found.harmful) == (HIGH, True), "surely harmful, more surely than grave"
    found = read_alone("GRAVE SHADY")
    assert (found.level, found.harmful) == (HIGH, False)
    assert found.last.rules[-1] == "classifier.doubt"
    found = read_alone("HINT SHADY", harmful=0.3)
    assert (found.level, found.harmful) == (NONE, True)
    found = read_alone("FAINT SHADY", words_concern_en=0.65)
    assert (found.level, found.harmful) == (NONE, True), "0.6 of concern against 0.7 of harm"
    found = read_alone("GRAVE SHADY", words_concern_en=0.95, words_high_en=0.95)
    assert (found.level, found.harmful, found.kind) == (CONCERN, False, Kind.SELF_HARM)


def test_the_rules_say_how_an_answer_was_heard():
    assert "context.yes-to-direct-question" in read_alone("NOD", "ASK?").last.rules
    assert "context.unclear-to-direct-question" in read_alone("SHRUG", "ASK?").last.rules
    assert read_alone("NOD", "ASK?").kind is Kind.SELF_HARM
    assert read_alone("NOD BEATEN", "ASK?").kind is Kind.ABUSE


@pytest.mark.parametrize(("question", "kind"), [("ASK OF HIM", Kind.SOMEONE_ELSE), ("ASK", Kind.SELF_HARM)])
def test_a_yes_is_about_whom_the_question_was_about(question, kind):
    said = [("user", "FRIEND"), ("assistant", question), ("user", "NOD")]
    conversation = Conversation.from_body({"messages": [{"role": role, "content": text} for role, text in said]})
    found = Assessor(KeywordRules(), KeywordClassifier()).assess(conversation, lambda texts: np.ones((len(texts), 4)))
    assert (found.level, found.kind) == (Risk.HIGH, kind)


@pytest.mark.parametrize(
    ("english", "without_vector", "limits"),
    [(False, False, (1, 2)), (True, False, (3, 4)), (False, True, (5, 6)), (True, True, (7, 8))],
)
def test_each_reading_has_its_own_thresholds(english, without_vector, limits):
    of = Thresholds(1, 2, 3, 4, 5, 6, 7, 8)
    assert of.danger(english=english, without_vector=without_vector) == limits


def test_a_score_decays_with_each_turn_that_worry_is_carried_over():
    def risk(*turns: str) -> float:
        talk = Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in turns]})
        return Assessor(KeywordRules(), KeywordClassifier()).assess(talk).risk

    high = risk("GRAVE")
    assert high == pytest.approx(0.92)
    assert risk("GRAVE", "x") == pytest.approx(high * DECAY)
    assert risk("x", "GRAVE") == pytest.approx(high)
    assert risk("GRAVE", *["x"] * 12) < 0.1, "what was released is forgotten"


def test_a_turn_without_words_is_no_calm_turn():
    talk = ["WORRY", *[""] * 8]
    found = Assessor(KeywordRules(), None).assess(
        Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in talk]})
    )
    assert found.level is CONCERN


@pytest.mark.parametrize(
    ("turns", "light"),
    [(["x"], 1), (["x", "FUN"], 2), (["TOIL", "x", "x"], 2), (["x", "TOIL"], 1), (["x", "WORRY", "x"], 1), ([], 1)],
)
def test_what_a_joke_may_be_about_reaches_back_to_the_last_turn_that_weighed(turns, light):
    talk = Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in turns]})
    assert Assessor(KeywordRules(), KeywordClassifier()).assess(talk).light == light


# -- what is remembered of a text


def test_scores_are_remembered_for_a_few_texts_under_a_hash_that_nobody_can_guess():
    cache: ScoreCache[int] = ScoreCache(2)
    made = []

    def make(text: str) -> int:
        return cache.get(text, lambda: made.append(text) or len(made))

    assert [make(text) for text in ("a", "b", "a", "c", "a", "b")] == [1, 2, 1, 3, 1, 4]
    assert made == ["a", "b", "c", "b"], "the one unused for longest went"
    assert cache.get("\ud800", lambda: 9, keep=lambda score: score != 9) == 9
    assert cache.get("\ud800", lambda: 8) == 8, "what is not worth keeping is not kept"
    other: ScoreCache[int] = ScoreCache()
    other.get("a", lambda: 0)
    assert not set(other._scores) & set(cache._scores)
    assert all(len(key) == 16 for key in other._scores)
