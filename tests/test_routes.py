"""Whole talks through decide() and reply(): their routes, with a floor, a second judge, fixed replies, real parts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import KeywordClassifier, ScriptedModel, Talk, scripted_counsellor, snippet_folder, texts

from psylite_pipeline.answers import Answers
from psylite_pipeline.decision import Risk
from psylite_pipeline.errors import ModelTimeout
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.risk.normalise import MAX_CHARS
from psylite_pipeline.risk.stages import STAGES
from psylite_pipeline.risk.turn_assessment import Probabilities
from psylite_pipeline.risk.walk import CALM_AFTER_CONCERN, CALM_AFTER_CRISIS
from psylite_pipeline.settings import Preferences

NONE, CONCERN, HIGH, IMMINENT = Risk


def talk(tmp_path, preferences=None, **parts) -> Talk:
    return Talk(scripted_counsellor(tmp_path, **parts), preferences)


def test_the_routes_of_a_talk(tmp_path):
    said = talk(tmp_path)
    routes = [said.say(turn).route for turn in ("今天", "WORRY", "BOMB", "DIE BOMB", "嗯", "BOMB")]
    assert routes == ["plain", "support", "decline", "crisis", "crisis", "crisis"]


def test_a_floor_may_raise_and_never_lower(tmp_path):
    def decided(content, **carried):
        return talk(tmp_path).say(content, psylite=carried).decision

    assert decided("x", risk="high").route.value == "crisis"
    assert decided("x", route="crisis").risk is HIGH
    assert decided("x", risk="concern").route.value == "support"
    assert decided("x", route="decline").route.value == "decline"
    for carried in ({"risk": "none"}, {"route": "plain"}, {"route": "humour", "risk": "none"}, {"task": ""}):
        assert decided("DIE", **carried).route.value == "crisis"
        assert decided("WORRY", **carried).route.value == "support"


@pytest.mark.parametrize("content", [None, "", [], [{"type": "image_url", "image_url": {"url": "x"}}]])
def test_pictures_and_silence_within_a_crisis_stay_in_the_crisis(tmp_path, content):
    model = ScriptedModel()
    said = talk(tmp_path, model=model)
    shown = [said.say("我很难受 DIE").shown]
    for _ in range(STAGES - 1):
        shown.append(said.say(content).shown)
        assert said.route == "crisis"
    assert len(set(shown)) == STAGES
    said.say(content)
    assert said.route == "support"
    assert "12356" in said.shown
    assert model.calls == []


def test_a_judge_raises_freely_and_lowers_by_one_at_most(tmp_path):
    always = Preferences(judge="always")

    def decided(judged, *turns):
        model = ScriptedModel()
        model.judged = judged
        said = talk(tmp_path, always, model=model)
        for turn in turns:
            said.say(turn)
        return said.decision

    assert decided({"level": "high"}, "x").route.value == "crisis"
    assert decided({"level": "none"}, "GRAVE").risk >= CONCERN
    assert decided({"level": "none"}, "FAINT").risk is NONE
    assert decided({"level": "none"}, "WORRY").risk is CONCERN
    assert decided({"level": "none"}, "DIE").route.value == "crisis"
    assert decided({"level": "none"}, "WORRY", "x").route.value == "support"


def test_the_score_goes_down_with_the_level_that_a_judge_lowered(tmp_path):
    model = ScriptedModel()
    said = talk(tmp_path, Preferences(judge="always"), model=model).say("FAINT 今天")
    assert said.decision.risk is NONE
    assert said.decision.scores.risk < 0.5, "from one half on it means concern at least"
    assert talk(tmp_path).say("FAINT 今天").decision.scores.risk >= 0.5


@pytest.mark.parametrize("valve", ["unsure", "always"])
@pytest.mark.parametrize(
    ("level", "route", "calm"), [("high", "crisis", CALM_AFTER_CRISIS), ("concern", "support", CALM_AFTER_CONCERN)]
)
def test_what_a_judge_found_is_not_forgotten_at_the_next_turn(tmp_path, valve, level, route, calm):
    model = ScriptedModel()
    model.judged = {"level": level}
    said = talk(tmp_path, Preferences(judge=valve), model=model).say("FAINT 最近什么都没意思")
    assert said.route == route
    model.judged = {"level": "none"}
    after = []
    for words in ("谢谢", "今天吃了面", "FUN 今天", *["今天"] * (calm - 3)):
        after.append(said.say(words).route)
        assert not texts()[0].concern_asked([said.shown]), "it was asked already"
    assert after == ["support"] * calm
    jokes = [said.say("来个JOKE").route for _ in range(said.preferences.calm_turns)]
    assert jokes == ["plain"] * (said.preferences.calm_turns - 1) + ["humour"]
    model.judged = {"level": "high"}
    again = talk(tmp_path, Preferences(judge=valve), model=model)
    shown = [again.say("FAINT 今天").shown, again.say("FAINT 嗯").shown]
    assert (again.route, len(set(shown))) == ("crisis", 2)


def test_worry_long_after_what_a_judge_found_is_asked_about_anew(tmp_path):
    model = ScriptedModel()
    model.judged = {"level": "high"}
    said = talk(tmp_path, Preferences(judge="always"), model=model).say("今天")
    model.judged = {"level": "none"}
    for _ in range(CALM_AFTER_CRISIS + 3):
        said.say("今天")
    assert said.say("WORRY 今天").decision.episode == 0
    assert texts()[0].concern_asked([said.shown])


def test_where_nobody_can_say_whether_a_judge_found_danger_there_is_care(tmp_path, monkeypatch):
    model = ScriptedModel()
    model.judged = {"level": "high"}
    monkeypatch.setattr(Answers, "met_danger", None)
    said = talk(tmp_path, Preferences(judge="always"), model=model).say("今天")
    model.judged = {"level": "none"}
    assert said.say("今天").route == "support"
    assert not texts()[0].concern_asked([said.shown])


def test_without_a_judge_the_assistants_words_raise_nothing(tmp_path):
    model = ScriptedModel()
    model.judged = {"level": "high"}
    said = talk(tmp_path, Preferences(judge="always"), model=model).say("今天")
    assert said.route == "crisis"
    said.preferences = Preferences()
    assert said.say("今天吃了面").route == "plain"


@pytest.mark.parametrize(
    "judged", [{}, {"level": 3}, {"level": None}, {"level": "calm"}, ModelTimeout("late"), RuntimeError("ours")]
)
def test_a_judge_without_a_verdict_means_the_safer_route(tmp_path, judged):
    model = ScriptedModel()
    model.judged = judged
    said = talk(tmp_path, Preferences(judge="always"), model=model)
    assert said.say("x").route == "support"
    assert "judge.no-verdict" in said.decision.rules


@pytest.mark.parametrize(
    ("words", "judged", "asks"),
    [
        ("FUN 今天升职了", ModelTimeout("late"), False),
        ("来个 JOKE", ModelTimeout("late"), False),
        ("FAINT 今天", ModelTimeout("late"), True),  # the classifier, too, is worried
        ("WORRY 今天", ModelTimeout("late"), True),
        ("FUN " + "字" * MAX_CHARS, ModelTimeout("late"), True),  # nobody has read all of it
        ("FUN 今天升职了", {"level": "concern"}, True),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_late_judge_alone_brings_care_and_asks_nobody_about_dying(tmp_path, words, judged, asks):
    model = ScriptedModel()
    model.judged = judged
    said = talk(tmp_path, Preferences(judge="always"), model=model).say(words)
    questions = texts()[0].short_texts["zh-Hans"].concern.values()
    assert (said.route, "12356" in said.shown) == ("support", True)
    assert any(question in said.shown for question in questions) is asks
    assert (said.decision.episode == 0) is asks


def test_behind_a_worried_filter_a_late_judge_asks(tmp_path):
    model = ScriptedModel()
    model.judged = ModelTimeout("late")
    said = talk(tmp_path, Preferences(judge="always"), model=model).say("x", psylite={"risk": "concern"})
    assert texts()[0].concern_asked([said.shown])


def test_the_judge_is_asked_only_where_the_valve_says(tmp_path):
    model = ScriptedModel()
    for preferences, turns in (
        (Preferences(), ["x", "WORRY"]),
        (Preferences(judge="unsure"), ["x"]),
        (Preferences(judge="always"), ["DIE", "x"][1:]),
    ):
        said = talk(tmp_path, preferences, model=model)
        if preferences.judge == "always":
            said.messages = [{"role": "user", "content": "DIE"}, {"role": "assistant", "content": "嗯"}]
        for turn in turns:
            said.say(turn)
    assert model.asked == 0
    talk(tmp_path, Preferences(judge="always"), model=model).say("x")
    assert model.asked == 1


class Odd(KeywordClassifier):
    def __init__(self, value: float) -> None:
        self.value = value

    def read(self, text, vector, findings):
        return Probabilities(self.value, self.value, self.value, self.value, self.value)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_scores_are_probabilities_whatever_the_classifier_says(tmp_path, value):
    for content in ("x", "WORRY", "DIE"):
        decision = talk(tmp_path, classifier=Odd(value)).say(content).decision
        for score in (decision.scores.risk, decision.scores.harmful_request, decision.scores.humour):
            assert 0 <= score <= 1
        if content == "DIE":
            assert decision.route.value == ("crisis" if value else "support")  # it sees nothing of it: care at least


# -- the real lexicon and classifier, with plain sentences only


def test_a_real_talk_from_danger_to_calm(parts, ollama, tmp_path):
    few = Shelf([snippet_folder(tmp_path / "snippets")], parts.embedder, tmp_path / "index")
    said = Talk(replace(parts, shelf=few).counsellor(ollama.url))
    ollama.otherwise(lambda body: "我在听。")
    routes = [said.say("我不想活了").route]
    while len(routes) < 14:
        routes.append(said.say("今天有点累").route)
    assert routes[:STAGES] == ["crisis"] * STAGES
    assert routes[STAGES : STAGES + CALM_AFTER_CRISIS] == ["support"] * CALM_AFTER_CRISIS
    assert routes[-1] == "plain"


def test_a_real_talk_in_english(parts, ollama):
    said = Talk(parts.counsellor(ollama.url))
    assert said.say("I want to kill myself").route == "crisis"
    assert said.say("no").route == "crisis"
    assert "988" in said.messages[1]["content"] or "findahelpline" in said.messages[1]["content"]


def test_calm_words_stay_plain(parts, ollama, tmp_path):
    ollama.otherwise(lambda body: "我在听。")
    few = Shelf([snippet_folder(tmp_path / "snippets")], parts.embedder, tmp_path / "index")
    said = Talk(replace(parts, shelf=few).counsellor(ollama.url))
    assert [said.say("今天有点累").route for _ in range(3)] == ["plain"] * 3
