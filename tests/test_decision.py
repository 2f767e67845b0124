"""What a decision carries besides its route, and what is asked of each part for it."""

from __future__ import annotations

import logging

import pytest
from said import notice
from scripted import (
    HashEncoder,
    KeywordClassifier,
    KeywordRules,
    ScriptedModel,
    Talk,
    scripted_counsellor,
    snippet_folder,
    snippet_toml,
)

from psylite_pipeline.decision import Kind, Risk, Route
from psylite_pipeline.errors import ModelTimeout
from psylite_pipeline.humour.choosing import THRESHOLDS
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.metrics import Metrics
from psylite_pipeline.risk.normalise import MAX_CHARS
from psylite_pipeline.risk.walk import CALM_AFTER_CONCERN
from psylite_pipeline.settings import Preferences

NONE, CONCERN, HIGH, IMMINENT = Risk


def decided(folder, *turns, **parts):
    said = Talk(scripted_counsellor(folder, **parts))
    for turn in turns:
        said.say(turn)
    return said.decision


# -- scores, kinds, rules


def test_the_scores_are_those_of_the_parts(tmp_path):
    assert decided(tmp_path, "BAD 今天").scores.harmful_request == 0.95
    merry = decided(tmp_path, "FUN 今天")
    assert (merry.scores.humour, merry.scores.harmful_request) == (0.95, 0.0)
    assert merry.scores.risk < 0.5
    assert merry.milliseconds > 0
    dull = decided(tmp_path, "x")
    assert (dull.route, dull.scores.humour, dull.snippets) == (Route.PLAIN, 0.1, ())


def test_a_joke_may_fit_and_still_not_be_offered(tmp_path):
    said = Talk(scripted_counsellor(tmp_path), Preferences(humour=False)).say("FUN 今天")
    assert (said.route, said.decision.scores.humour) == ("plain", 0.95)


@pytest.mark.parametrize(
    ("words", "route", "risk", "kind"),
    [
        ("WORRY", Route.SUPPORT, CONCERN, Kind.SELF_HARM),
        ("FRIEND", Route.SUPPORT, CONCERN, Kind.SOMEONE_ELSE),
        ("BEATEN", Route.CRISIS, HIGH, Kind.ABUSE),
        ("NOW", Route.CRISIS, IMMINENT, Kind.SELF_HARM),
        ("BOMB", Route.DECLINE, NONE, Kind.HARMFUL_REQUEST),
        ("x", Route.PLAIN, NONE, None),
    ],
)
def test_every_route_names_its_level_and_kind(tmp_path, words, route, risk, kind):
    found = decided(tmp_path, words)
    assert (found.route, found.risk, found.kind) == (route, risk, kind)
    assert found.episode == (None if risk is NONE else 0)


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (
            "WORRY DOUBT about the project that I am in",
            NONE,
        ),  # 真的撑不住了 of a project: a rule of concern alone, and the classifier sees nothing in it
        ("WORRY DOUBT", CONCERN),  # in so few words there is nothing else to go by
        ("WORRY", CONCERN),
        ("“DIE” DOUBT", NONE),  # a line of a film
        ("DIE DOUBT", CONCERN),  # "printer ate page 4 again imma kms": of plain words care is left, and the question
        ("ONCE DOUBT", CONCERN),  # what is told of long ago is not doubted
        ("DIE BEATEN DOUBT", HIGH),  # what more than one rule hears stays as grave as they say
        ("BEATEN DOUBT", HIGH),  # of others' violence it has learnt less
        ("NOW DOUBT", IMMINENT),
        ("WORRY DOUBT" + " x" * 200, CONCERN),  # a few words may be lost on it in a long turn
        ("DIE DOUBT" + " x" * 200, HIGH),
    ],
)
def test_what_the_rules_say_of_a_short_turn_may_be_doubted(tmp_path, words, level):
    found = decided(tmp_path, words)
    assert found.risk is level
    assert ("classifier.doubts-the-rules" in found.rules) is ("DOUBT" in words and level is NONE)


def test_after_a_doubt_there_is_no_joke_and_without_an_encoder_no_doubt(tmp_path):
    project = "WORRY DOUBT FUN about the project that I am in"
    assert decided(tmp_path, project).route is Route.PLAIN
    assert decided(tmp_path, project, encoder=HashEncoder(fails=True)).risk is CONCERN


def test_a_floor_of_crisis_without_words_of_danger_asks_about_the_person(tmp_path):
    said = Talk(scripted_counsellor(tmp_path)).say("x", psylite={"route": "crisis"})
    assert (said.decision.kind, said.decision.risk) == (Kind.SELF_HARM, HIGH)


@pytest.mark.parametrize(
    ("words", "kind", "found"),
    [
        ("x", "someone_else", Kind.SOMEONE_ELSE),
        ("FRIEND", "emergency", Kind.SOMEONE_ELSE),
        ("DIE", "emergency", Kind.SELF_HARM),
        ("NEARLY GRAVE", "emergency", Kind.SELF_HARM),  # the classifier's own, which knows no kind
        ("x", "harmful_request", Kind.SELF_HARM),
    ],
)
def test_a_floors_kind_holds_where_nothing_is_heard_here(tmp_path, words, kind, found):
    said = Talk(scripted_counsellor(tmp_path)).say(words, psylite={"route": "crisis", "kind": kind})
    assert (said.route, said.decision.kind) == ("crisis", found)


def test_a_turn_that_nothing_can_judge_is_met_with_care(tmp_path):
    class Broken(KeywordRules):
        def findings(self, text):
            raise RuntimeError("broken")

    found = decided(tmp_path, "x", rules=Broken())
    assert (found.route, found.risk, found.rules, found.episode) == (Route.SUPPORT, CONCERN, ("failure.assess",), 0)
    assert found.scores.risk == 0.5


@pytest.mark.parametrize(
    ("sent", "route", "risk", "kind"),
    [
        ({"route": "crisis"}, Route.CRISIS, HIGH, Kind.SELF_HARM),
        ({"route": "crisis", "risk": "imminent", "kind": "someone_else"}, Route.CRISIS, IMMINENT, Kind.SOMEONE_ELSE),
        ({"risk": "high"}, Route.CRISIS, HIGH, Kind.SELF_HARM),
        ({"route": "decline"}, Route.DECLINE, CONCERN, Kind.HARMFUL_REQUEST),
        ({"route": "plain", "risk": "none"}, Route.SUPPORT, CONCERN, None),
    ],
)
def test_a_turn_that_nothing_can_judge_is_no_safer_than_the_filter_found_it(tmp_path, sent, route, risk, kind):
    class Broken(KeywordRules):
        def findings(self, text):
            raise RuntimeError("broken")

    found = Talk(scripted_counsellor(tmp_path, rules=Broken())).say("x", psylite=sent).decision
    assert (found.route, found.risk, found.kind, found.rules) == (route, risk, kind, ("failure.assess",))


def test_a_text_too_long_to_be_read_whole_is_met_with_care(tmp_path):
    assert decided(tmp_path, "JOKE " + "字" * (MAX_CHARS - 5)).risk is NONE
    long = decided(tmp_path, "JOKE " + "字" * MAX_CHARS)
    assert (long.route, long.risk, long.rules) == (Route.SUPPORT, CONCERN, ("t.joke", "failure.too-long"))


def test_who_sends_more_than_can_be_read_is_told(tmp_path):
    talk = Talk(scripted_counsellor(tmp_path))
    assert notice("read_in_part") in talk.say("字" * (MAX_CHARS + 1)).shown
    assert notice("read_in_part") not in talk.say("今天" + "字" * (MAX_CHARS - 2)).shown


def test_after_a_text_too_long_to_be_read_whole_care_lasts_as_after_any_concern(tmp_path):
    talk = Talk(scripted_counsellor(tmp_path))
    routes = [talk.say(text).route for text in ("字" * (MAX_CHARS + 1), *["今天"] * (CALM_AFTER_CONCERN + 1))]
    assert routes == ["support"] * (1 + CALM_AFTER_CONCERN) + ["plain"]


def test_a_task_too_long_to_be_read_whole_goes_to_no_model(tmp_path):
    model = ScriptedModel()
    talk = Talk(scripted_counsellor(tmp_path, model))
    talk.say("字" * (MAX_CHARS + 1), metadata={"task": "title_generation"})
    assert (talk.decision.risk, talk.decision.rules, model.calls) == (CONCERN, ("failure.too-long",), [])


def test_a_task_carries_what_its_text_holds_once(tmp_path):
    said = Talk(scripted_counsellor(tmp_path))
    said.messages = [{"role": "system", "content": "WORRY"}, {"role": "user", "content": "WORRY DIE GRIEF"}]
    found = said.say("DIE", metadata={"task": "title_generation"}).decision
    assert (found.route, found.risk) == (Route.TASK, HIGH)
    assert sorted(found.rules) == ["t.die", "t.worry"]
    assert found.scores.risk == 0.75
    calm = Talk(scripted_counsellor(tmp_path)).say("GRIEF 起个标题", metadata={"task": "title_generation"}).decision
    assert (calm.risk, calm.rules) == (NONE, ())


# -- what is asked of the parts


def test_a_turn_is_encoded_once_and_silence_not_at_all(tmp_path):
    shared = HashEncoder()
    counsellor = scripted_counsellor(tmp_path, encoder=shared)
    counsellor.warm_up()
    before = shared.encoded
    assert Talk(counsellor).say("来个JOKE").route == "humour"
    assert shared.encoded == before + 1
    Talk(counsellor).say("  ")
    assert shared.encoded == before + 1


def test_an_encoder_that_fails_is_asked_once_a_turn(tmp_path):
    class Failing(HashEncoder):
        asked = 0

        def encode(self, texts):
            self.asked += 1
            return super().encode(texts)

    encoder = Failing(fails=True)
    talk = Talk(scripted_counsellor(tmp_path, encoder=encoder))
    for turn in ("one", "two", "three"):
        talk.say(turn)
    assert encoder.asked == 3


def test_another_encoder_of_the_snippets_gets_the_turn_itself(tmp_path, monkeypatch):
    monkeypatch.setitem(THRESHOLDS, "hash-32", {"zh": -1.0})
    theirs = HashEncoder(32)
    shelf = Shelf([snippet_folder(tmp_path / "s")], theirs, tmp_path / "i")
    counsellor = scripted_counsellor(tmp_path, shelf=shelf)
    counsellor.warm_up()
    before = theirs.encoded
    assert Talk(counsellor).say("FUN 第3句开场").route == "humour"
    assert theirs.encoded == before + 1


class BrokenShelf(Shelf):
    def open(self, *_, **__):
        raise RuntimeError("broken")


def test_warming_up_loads_encoder_and_snippets_and_never_fails(tmp_path, caplog):
    of_turns, of_snippets = HashEncoder(), HashEncoder()
    shelf = Shelf([snippet_folder(tmp_path / "s", 4)], of_snippets, tmp_path / "i")
    scripted_counsellor(tmp_path, encoder=of_turns, shelf=shelf).warm_up()
    assert of_snippets.encoded > 0
    assert of_turns.encoded == 1
    shelf = BrokenShelf([], HashEncoder(), tmp_path / "none")
    broken = scripted_counsellor(tmp_path, encoder=HashEncoder(fails=True), shelf=shelf)
    with caplog.at_level(logging.WARNING):
        broken.warm_up()
    assert {"encoder", "snippets"} <= {word for one in caplog.records for word in one.getMessage().split()}


def test_the_snippet_is_in_the_language_of_the_talk(tmp_path):
    folder = snippet_folder(tmp_path / "s")
    (folder / "en").mkdir()
    english = snippet_toml(50, id="e-1", title="The queue", topic="queues", line="A long queue")
    (folder / "en" / "one.toml").write_text(english.replace("甲：", "A: ").replace("乙：", "B: "), encoding="utf-8")
    shelf = Shelf([folder], HashEncoder(), tmp_path / "i")
    assert decided(tmp_path, "please tell me something, JOKE", shelf=shelf).snippets == ("e-1",)
    assert decided(tmp_path, "给我来个JOKE吧", shelf=shelf).snippets[0].startswith("s-")


def test_after_something_heavy_only_what_is_gentle(tmp_path, monkeypatch):
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": -1.0})
    folder = tmp_path / "s" / "zh"
    folder.mkdir(parents=True)
    wild = "\n".join(snippet_toml(n, mood="silly") for n in range(5))
    (folder / "one.toml").write_text(wild + "\n" + snippet_toml(9), encoding="utf-8")
    shelf = Shelf([tmp_path / "s"], HashEncoder(), tmp_path / "i")
    calm = ["今天还行"] * 3
    assert decided(tmp_path, "GRIEF", *calm, "FUN 今天第3句开场", shelf=shelf).snippets == ("s-9",)
    assert decided(tmp_path, *calm, "FUN 今天第3句开场", shelf=shelf).snippets != ("s-9",)


def test_failures_are_counted_by_part(tmp_path):
    class Counted(Metrics):
        def __init__(self):
            self.seen = []

        def failed(self, part, error):
            self.seen.append((part, error))

    metrics = Counted()
    model = ScriptedModel()
    model.judged = ModelTimeout("late")
    counsellor = scripted_counsellor(tmp_path, model, encoder=HashEncoder(fails=True), shelf=object(), metrics=metrics)
    assert Talk(counsellor).say("DIE").route == "crisis"
    assert Talk(counsellor).say("FUN").route == "plain"
    Talk(counsellor, Preferences(judge="always")).say("x")
    assert set(metrics.seen) == {
        ("encoder", "EncoderError"), ("snippets", "AttributeError"), ("judge", "ModelTimeout")
    }  # fmt: skip


def test_the_vector_of_the_turn_reaches_the_classifier(tmp_path):
    class Vectors(KeywordClassifier):
        def read(self, text, vector, findings):
            assert vector.shape == (16,)
            return super().read(text, vector, findings)

    assert decided(tmp_path, "GRAVE", classifier=Vectors()).rules == ("classifier.high",)


@pytest.mark.parametrize("words", ["試験に合格した、うれしい", "hoy aprobé el examen, qué feliz estoy"])
def test_a_language_that_nobody_here_judges_gets_no_humour(tmp_path, words):
    assert decided(tmp_path, f"{words} JOKE").route is Route.PLAIN
