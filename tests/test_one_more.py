"""One more: what asks for another snippet right after one, with a topic or without, and what does not."""

from __future__ import annotations

import pytest
from scripted import Talk, assessed, scripted_counsellor, shelf_of, snippet_toml

from psylite_pipeline.conversation import Conversation, folded
from psylite_pipeline.decision import Risk, Route
from psylite_pipeline.humour.asking import more_of, says_more, topic_of, unwanted, wants_none
from psylite_pipeline.humour.choosing import query_of
from psylite_pipeline.humour.fit import fit
from psylite_pipeline.settings import Preferences
from psylite_pipeline.text import only_laughs


@pytest.mark.parametrize(
    "more",
    ["再来一个", "哈哈哈，换一个", "不好笑，换一个吧", "还有吗？", "太冷了 再来", "就这？再来", "一般般 换个好笑的"],
)
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
     ("来个跟做饭有关的", "做饭"), ("再来一个猫的", "猫"), ("有没有猫的？", "猫"), ("关于猫的有吗", "猫"),
     ("a cat one", "cat"),
     ("cats?", "cats"), ("what about dogs", "dogs"), ("any cat jokes?", "cat"),
     ("换个冷笑话", ""), ("a good one", ""),
     ("do another", ""), ("换一个", ""), ("有没有别的", ""), ("got one about trains?", "trains"),
     ("now some about my job", "my job"),
     ("haha, another one about cats please", "cats")],
)  # fmt: skip
def test_one_more_with_a_topic(text, topic):
    assert more_of(text) == topic


@pytest.mark.parametrize(
    ("text", "topic"),
    [("讲个关于猫的笑话", "猫"), ("讲个猫的笑话", "猫"), ("失恋了，讲个关于猫的笑话", "猫"),
     ("想听跟考试有关的段子", "考试"),
     ("tell me a joke about cats please", "cats"), ("tell me a cat joke", "cat"), ("讲个笑话，不要猫的", ""),
     ("讲个冷笑话", ""), ("tell me a dad joke", ""), ("我八岁，讲个适合小孩的笑话", ""),
     ("失恋了，讲个笑话给我听吧", ""),
     ("i hate how i look, tell me a joke", ""), ("今天面试挂了，来段脱口秀吧", ""), ("讲个关于猫的脱口秀", "猫"),
     ("my date cancelled on me. i need a laugh", "")],
)  # fmt: skip
def test_a_joke_is_about_what_it_is_asked_to_be_about_and_nothing_else_that_was_said(text, topic):
    assert topic_of(text) == topic
    assert query_of(["我家猫会开门了", text], asked=True) == topic


def test_who_asks_in_words_that_only_the_rules_know_is_searched_for_by_nothing_they_said():
    assert topic_of("今天面试挂了 整点活吧") is None
    assert query_of(["今天面试挂了 整点活吧"], asked=True) == ""


@pytest.mark.parametrize(
    ("asks", "text", "answer"),
    [(more_of, "再來一個", ""), (more_of, "換個關於貓的", "猫"), (topic_of, "講個關於貓的笑話", "猫"),
     (unwanted, "講個笑話，不要關於貓的", ("猫",)), (wants_none, "沒心情聽笑話", True),
     (says_more, "我失戀了，講個笑話", True), (more_of, "蛤 再來一個", "")],
)  # fmt: skip
def test_traditional_characters_ask_as_simplified_ones_do(asks, text, answer):
    assert asks(text) == answer


def test_the_topic_holds_until_another_joke_is_asked_for_by_name():
    assert query_of(["讲个猫的笑话", "哈哈", "再来一个"], asked=True) == "猫"
    assert query_of(["讲个猫的笑话", "换个关于狗的"], asked=True) == "狗"


@pytest.mark.parametrize(
    ("text", "words"),
    [("讲个笑话，不要猫的", ("猫",)), ("讲个笑话，别讲结婚的", ("结婚",)), ("讲个笑话，不要冷的", ()), ("讲个笑话", ()),
     ("tell me a joke, but not about cats", ("cat",)), ("tell me a joke", ())],
)  # fmt: skip
def test_what_a_joke_shall_not_be_about(text, words):
    assert unwanted(text) == words


def test_what_a_joke_shall_not_be_about_is_not_told(tmp_path):
    (tmp_path / "s" / "zh").mkdir(parents=True)
    entries = [snippet_toml(n, line="我家猫会开门") for n in range(8)] + [snippet_toml(9, line="下雨了")]
    (tmp_path / "s" / "zh" / "one.toml").write_text("\n".join(entries), encoding="utf-8")
    shelf = shelf_of(tmp_path / "s")
    told = [choice.hit.snippet.id for choice in shelf.choices(["讲个笑话，不要猫的"], language="zh", asked=True)]
    assert told == ["s-9"]


def test_who_leaves_open_what_about_gets_a_harmless_gentle_one_by_their_own_words(tmp_path):
    files = {
        "dates": [snippet_toml(n) for n in range(5)],
        "pets": [snippet_toml(5, mood="silly"), *(snippet_toml(n) for n in range(6, 9))],
    }
    (tmp_path / "s" / "zh").mkdir(parents=True)
    for name, entries in files.items():
        (tmp_path / "s" / "zh" / f"{name}.toml").write_text("\n".join(entries), encoding="utf-8")
    shelf = shelf_of(tmp_path / "s")

    def told(text: str, *used: str) -> str:
        hit = shelf.find([text], language="zh", asked=True, used=frozenset(used))
        assert hit is not None
        return hit.snippet.id

    ways = ["讲个笑话", "讲个笑话吧", "来个段子", "说个笑话听听", "给我讲个笑话", "来段相声", "失恋了，讲个笑话"]
    assert {told(text) for text in ways} == {"s-6", "s-7", "s-8"}
    assert told("讲个笑话") == told("讲个笑话")
    assert told("讲个笑话", "s-6", "s-7", "s-8") in {"s-0", "s-1", "s-2", "s-3", "s-4"}
    assert told("讲个笑话", *(f"s-{n}" for n in range(9) if n != 5)) == "s-5"


def test_a_named_topic_is_looked_for_in_every_mood_unless_something_heavy_stands_beside_it(tmp_path):
    (tmp_path / "s" / "zh").mkdir(parents=True)
    entries = [snippet_toml(1, mood="silly", topic="猫咪", line="猫咪会开门"), snippet_toml(2, line="下雨了")]
    (tmp_path / "s" / "zh" / "one.toml").write_text("\n".join(entries), encoding="utf-8")
    shelf = shelf_of(tmp_path / "s")
    for said, tender, told in (
        ("讲个猫咪的笑话", False, "s-1"),
        ("讲个猫咪的笑话", True, "s-2"),
        ("失恋了，讲个猫咪的笑话", False, "s-2"),
    ):
        hit = shelf.find([said], language="zh", asked=True, tender=tender)
        assert hit is not None
        assert hit.snippet.id == told


@pytest.mark.parametrize(
    "text",
    ["no jokes please", "不想听笑话", "谢谢你刚才的笑话，我给我妈讲了，她笑了半天", "我自己编了个笑话：为什么鸡过马路",
     "给你讲一个，有只猫", "let me tell you a joke", "thanks for the joke"],
)  # fmt: skip
def test_who_wants_none_or_tells_one_gets_none(text):
    assert wants_none(text)
    assert not fit(assessed("FUN"), [], Preferences(), wants_none=True).open


@pytest.mark.parametrize(
    "text", ["给我讲个笑话", "再给我讲一个", "tell me a joke", "讲个笑话，不要猫的", "今天猫会开门了"]
)
def test_who_asks_for_one_wants_one(text):
    assert not wants_none(text)


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


TOLD = folded("相声一段", "a", "b")


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
        "真的吗？",
        "what about you?",
        "really?",
        "pills?",
        "有没有人爱我的",
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


def test_the_same_person_does_not_hear_the_same_first_joke_in_every_talk(tmp_path):
    counsellor = scripted_counsellor(tmp_path)
    body = {"messages": [{"role": "user", "content": "来个JOKE"}]}

    def told(seed: int) -> tuple[str, ...]:
        return counsellor.decide(Conversation.from_body({**body, "psylite": {"seed": seed}})).snippets

    assert told(3) == told(3) != ()
    assert len({told(seed) for seed in range(8)}) > 1
