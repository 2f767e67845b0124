"""One more: what asks for another snippet right after one, with a topic or without, and what does not."""

from __future__ import annotations

import pytest
from scripted import Talk, assessed, scripted_counsellor

from psylite_pipeline.decision import Risk, Route
from psylite_pipeline.humour.choosing import more_of
from psylite_pipeline.humour.fit import fit
from psylite_pipeline.settings import Preferences
from psylite_pipeline.text import only_laughs


@pytest.mark.parametrize("more", ["再来一个", "哈哈哈，换一个", "不好笑，换一个吧", "还有吗？"])
def test_one_more_is_a_request_right_after_a_snippet_and_none_elsewhere(tmp_path, more):
    talk = Talk(scripted_counsellor(tmp_path))
    assert talk.say(more).route == "plain"
    told = [*talk.say("来个JOKE").decision.snippets, *talk.say(more).decision.snippets]
    assert len(set(told)) == 2
    talk.say("今天还行")
    assert talk.say(more).route == "plain"


@pytest.mark.parametrize("reactions", [["哈哈哈哈笑死"], ["lol"], ["AHA"], ["AHA", "😂", "AHA"]])
def test_one_more_is_a_request_after_laughter_and_words_about_it_too(tmp_path, reactions):
    talk = Talk(scripted_counsellor(tmp_path))
    told = talk.say("来个JOKE").decision.snippets
    assert {talk.say(reaction).route for reaction in reactions} == {"plain"}
    again = talk.say("再来")
    assert again.route == "humour"
    assert again.decision.snippets != told
    assert talk.say("今天还行").route == talk.say("再来").route == "plain"


def test_laughter_is_neither_heavy_nor_calm_and_other_faces_are_none():
    assert assessed("JOKE", "哈哈HEAVY").last.heavy
    assert not assessed("哈哈 😂！").last.heavy
    assert assessed("GRIEF", "x", "哈哈", "😂").calm == 1
    assert all(map(only_laughs, ("haha, lol!", "😂😂", "哈哈～")))
    assert not any(map(only_laughs, ("😭", "😂😭", "haha no", "ha, 9", "。", "")))


def test_a_passing_mood_closes_for_longer_unless_a_joke_is_asked_for():
    def opened(*turns: str) -> bool:
        return fit(assessed(*turns), [], Preferences()).open

    assert opened("MOPE PASSING", "JOKE")
    assert not opened("HEAVY PASSING", "JOKE")
    assert not opened("MOPE", "JOKE")
    assert not opened("MOPE PASSING", "FUN")
    assert not opened("GRIEF", "MOPE PASSING", "x", "JOKE"), "it is no calm turn either"
    assert not opened("MOPE PASSING FAINT", "JOKE")


@pytest.mark.parametrize(
    "more", ["another one", "haha, one more please!", "haha that's good, another", "again!", "好听，再讲一段"]
)
def test_one_more_in_either_language(more):
    assert more_of(more) == ""


@pytest.mark.parametrize(
    ("text", "topic"),
    [("换个关于猫的", "猫"), ("有没有关于考试的？", "考试"), ("哈哈，再来一段讲过年的吧", "过年"),
     ("来个跟做饭有关的", "做饭"), ("got one about trains?", "trains"), ("now some about my job", "my job"),
     ("haha, another one about cats please", "cats")],
)  # fmt: skip
def test_one_more_with_a_topic(text, topic):
    assert more_of(text) == topic


def test_one_more_with_a_topic_is_a_request_right_after_a_snippet_and_no_way_round_what_is_heavy(tmp_path):
    talk = Talk(scripted_counsellor(tmp_path))
    assert talk.say("换个关于猫的").route == "plain"
    assert talk.say("来个JOKE").route == talk.say("换个关于猫的").route == "humour"
    assert talk.say("换个关于HEAVY的").route == "plain"


def test_a_decision_says_that_a_joke_was_asked_for_and_whether_what_is_heavy_forbids_it(tmp_path):
    talk = Talk(scripted_counsellor(tmp_path))
    said = ["FUN", "来个JOKE", "再来", "GRIEF", "来个JOKE", "DIE JOKE"]
    assert [talk.say(text).decision.joke for text in said] == ["", "asked", "asked", "", "refused", ""]
    assert Talk(scripted_counsellor(tmp_path), Preferences(humour=False)).say("来个JOKE").decision.joke == ""


TOLD = "<details>a</details>"


@pytest.mark.parametrize("turn", ["DIE", "WORRY", "FAINT", "BOMB", "GRAVE"])
def test_one_more_opens_nothing_that_risk_or_harm_closes(turn):
    assert not fit(assessed("JOKE", TOLD, turn), [frozenset({"a"})], Preferences(), more="").open


def test_one_more_is_no_heavy_turn_after_a_snippet():
    a, b = frozenset({"a"}), frozenset({"b"})
    assert fit(assessed("JOKE", TOLD, "HEAVY"), [a], Preferences(), more="").open
    assert fit(assessed("JOKE", TOLD, "HEAVY", TOLD, "x"), [a, b], Preferences(), more="").open
    assert not fit(assessed("JOKE", TOLD, "HEAVY", "<x", "x"), [a, frozenset()], Preferences(), more="").open
    assert not fit(assessed("JOKE", TOLD, "HEAVY"), [a], Preferences(), more=None).open


@pytest.mark.parametrize(
    "text",
    [
        "再来一个月就毕业了",
        "换一个医生吧",
        "another one of those days",
        "one more pill",
        "我讲一个事",
        "再" * 50,
        "有没有关于我的处分的消息",
        "any news on the job",
        "anything on your mind about it",
        "说说关于猫的事",
    ],
)
def test_what_goes_on_after_one_more_asks_for_something_else(text):
    assert more_of(text) is None


@pytest.mark.parametrize("heavy", ["我奶奶昨天去世了", "医生说我得了癌症", "my dad died last week"])
def test_one_more_joke_is_none_after_heavy_news_that_got_no_answer(chat, heavy):
    chat.user("给我讲个笑话吧", "来一个。")
    assert chat.route is Route.HUMOUR
    chat.messages.append({"role": "user", "content": heavy})  # its answer was deleted
    chat.user("再来一个", "我在听。")
    assert chat.route is not Route.HUMOUR


@pytest.mark.parametrize(
    "turns",
    [
        ("好想永远睡过去", "我是说想睡觉"),
        ("我想消失", "我说的是从公司消失 辞职"),
        ("我不想玩了 想退出", "你误会了 我说的是退出游戏"),
    ],
)
def test_care_for_what_was_a_misunderstanding_is_let_go_but_nothing_is_joked_about(chat, turns):
    chat.user(turns[0], model_says="嗯，我在听。")
    assert chat.route is Route.SUPPORT
    chat.user(turns[1], model_says="哦，这样。")
    assert (chat.route, chat.risk) == (Route.PLAIN, Risk.NONE)
    chat.user("哈哈那讲个笑话", model_says="好。")
    assert not chat.decision.snippets
