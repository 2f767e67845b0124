"""True words where the model fails, where files are broken, and where a stand-in answers."""

from __future__ import annotations

from typing import Any

import pytest
from said import REPLIES, line, notice
from scripted import KeywordRules, ScriptedModel, Talk, scripted_counsellor

from psylite_pipeline.errors import ModelAway, ModelBroken, ModelCut, ModelMissing, ModelTimeout
from psylite_pipeline.model import Thought, Words
from psylite_pipeline.pieces import Source
from psylite_pipeline.settings import Preferences


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ModelAway("x"), "model_away"),
        (ModelMissing("x"), "model_missing"),
        (ModelTimeout("x"), "model_slow"),
        (ModelBroken("x"), "model_away"),
        (ModelCut("x"), "model_empty"),
    ],
)
@pytest.mark.parametrize(("language", "turn"), [("zh-Hans", "今天"), ("en", "today")])
def test_each_failure_has_its_own_true_sentence(open_talk, error, name, language, turn):
    model = ScriptedModel(Words(""), error=error)
    talk = open_talk(model, Preferences(language=language)).say(turn)
    assert talk.shown == notice(name, language)
    cut = open_talk(ScriptedModel("说到一半", error=error), Preferences(language=language)).say(turn)
    assert cut.shown == f"说到一半\n\n{notice('model_cut', language)}"


@pytest.mark.parametrize("error", [ModelAway("x"), ModelTimeout("x"), None])
@pytest.mark.parametrize("words", ["", "说到一半"])
def test_a_failing_model_in_support_names_the_helpline_once_and_asks(open_talk, error, words):
    shown = open_talk(ScriptedModel(Words(words), error=error)).say("WORRY 今天").shown
    assert shown.count("12356") == 1
    assert (line() in shown) is (error is None and bool(words))
    assert REPLIES.short_texts["zh-Hans"].concern["self_harm"] in shown


@pytest.mark.parametrize("says", [[Words("")], [Words("  "), Words("\n")], [Thought("琢磨")], []])
def test_a_model_without_words_is_no_silence(open_talk, says):
    model = ScriptedModel()
    model.says = says
    assert open_talk(model).say("今天").shown == notice("model_empty")


@pytest.mark.parametrize("words", ["DIE 今天", "BOMB 今天", "WORRY 今天", "今天", "", "来个JOKE"])
@pytest.mark.parametrize("error", [None, ModelAway("x")])
def test_without_reply_files_every_route_still_has_words(open_talk, words, error):
    model = ScriptedModel(Words("嗯" if error is None else ""), error=error)
    shown = open_talk(model, replies=None, standin=True).say(words).shown
    assert shown.strip()
    if "DIE" in words or "WORRY" in words:
        assert "12356" in shown


def test_a_lexicon_that_fails_leaves_a_long_talk_with_an_answer(open_talk):
    class Broken(KeywordRules):
        def findings(self, text):
            raise RuntimeError("broken")

    talk = open_talk(rules=Broken(), num_ctx=1024)
    talk.messages = [{"role": role, "content": "今天" * 300} for _ in range(9) for role in ("user", "assistant")]
    talk.say("DIE 今天")
    assert talk.route == "support"
    assert "我在听" in talk.shown
    assert "12356" in talk.shown


@pytest.mark.parametrize("words", ["今天", "WORRY 今天"])
def test_without_reply_files_a_good_answer_does_not_end_with_an_apology(tmp_path, words):
    counsellor = scripted_counsellor(tmp_path, ScriptedModel("我在听。"), replies=None, standin=True)
    said = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": "x"}}]
    talk = Talk(counsellor, Preferences(reminder_every=1)).say(said)
    assert talk.shown.startswith("我在听。")
    assert "再试" not in talk.shown
    assert ("12356" in talk.shown) is (words != "今天")


def test_a_fault_in_the_refusals_leaves_the_last_refusal(open_talk):
    class Broken:
        def __getattr__(self, name):
            return getattr(REPLIES, name)

        def decline(self, **_):
            raise KeyError("x")

    talk = open_talk(replies=Broken()).say("BOMB 怎么做")
    assert talk.route == "decline"
    assert "我不能帮" in talk.shown


@pytest.mark.parametrize("says", ["", "说到一半"])
@pytest.mark.parametrize("valves", [{}, {"show_snippet": False}])
def test_no_joke_stands_under_words_that_say_that_something_failed(open_talk, says, valves):
    talk = open_talk(ScriptedModel(Words(says), error=ModelAway("x")), Preferences(**valves)).say("来个JOKE")
    assert talk.shown.endswith(notice("model_cut" if says else "model_away"))
    assert not [piece for piece in talk.pieces if isinstance(piece, Source)]


# -- a stand-in


def test_the_stand_in_says_so_once(open_talk):
    talk = open_talk(standin=True)
    assert [notice("standin") in talk.say("今天").shown for _ in range(4)] == [True, False, False, False]
    assert notice("standin") not in open_talk().say("今天").shown


def test_the_stand_in_says_so_even_when_its_first_answer_is_the_fifth(open_talk):
    talk = open_talk(standin=True)
    shown = [notice("standin") in talk.say(turn).shown for turn in ("DIE 今天", "嗯", "嗯", "嗯", "嗯", "嗯")]
    assert shown == [False, False, False, False, True, False]


@pytest.mark.parametrize("region", ["auto", "GB", "HK"])
@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize(
    ("says", "words", "error"),
    [
        ("", "今天", ModelAway("x")),
        ("说到一半", "今天", ModelAway("x")),
        ("", "今天", None),
        ("", "WORRY 今天", ModelAway("x")),
        ("我在听。", "WORRY 今天", None),
        ("我在听。", "今天", None),
    ],
)
def test_beside_the_stand_in_no_answer_names_its_numbers_twice(open_talk, region, language, says, words, error):
    preferences = Preferences(region=region, language=language)
    shown = open_talk(ScriptedModel(Words(says), error=error), preferences, standin=True).say(words).shown
    numbers = "auto.zh-Hans" if (region, language) == ("auto", "en") else region  # who writes Chinese
    emergency = REPLIES.helplines.fill("{emergency}", region=numbers, lang=language)
    assert shown.count(emergency) == 1
    assert (notice("standin", language) in shown) is bool(says), "nobody answered where there are no words"


def test_a_stand_in_that_could_not_answer_says_so_when_it_does(open_talk):
    model: Any = ScriptedModel(error=ModelAway("x"))
    model.says = []
    talk = open_talk(model, standin=True)
    told = [notice("standin") in talk.say("今天").shown]
    model.says, model.error = [Words("嗯。")], None
    told += [notice("standin") in talk.say("今天").shown for _ in range(2)]
    assert told == [False, True, False]
