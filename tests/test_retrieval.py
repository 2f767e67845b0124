"""Which snippet a turn finds: by meaning and words, with the turns before it, in its mood, and nothing told twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import HashEncoder, Talk, scripted_counsellor, snippet_folder, snippet_toml

from psylite_pipeline.humour.choosing import THRESHOLDS, mood_of, query_of
from psylite_pipeline.humour.lexical import LexicalIndex, tokens
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.settings import Preferences


def shelf_of(folder: Path, *entries: str, encoder=None) -> Shelf:
    """A shelf over one file of these entries."""
    (folder / "zh").mkdir(parents=True, exist_ok=True)
    (folder / "zh" / "a.toml").write_text("\n".join(entries), encoding="utf-8")
    return Shelf([folder], encoder or HashEncoder(), folder.parent / "index")


@pytest.fixture
def nothing_is_too_far(monkeypatch):
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": -1.0, "en": -1.0})


# -- what is searched with


@pytest.mark.parametrize(
    ("said", "query"),
    [
        (
            ["今天第一次自己开车上路，慢得像蜗牛，后面的车都让着我"],
            "今天第一次自己开车上路，慢得像蜗牛，后面的车都让着我",
        ),
        (["我家猫今天满一岁", "它把蛋糕刨了"], "我家猫今天满一岁\n它把蛋糕刨了"),
        (["外面下了一天雨", "讲个笑话吧"], "外面下了一天雨"),
        (["外面下了一天雨", "哈哈哈哈"], "外面下了一天雨"),
        (["We adopted a cat", "lol tell me a joke please"], "We adopted a cat"),
        (["四", "三", "二", "一"], "三\n二\n一"),
        (["哈哈哈"], "哈哈哈"),
        (["讲个笑话"], "讲个笑话"),
        (["🎉"], "🎉"),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_turn_that_says_little_is_read_with_those_before_it(said, query):
    assert query_of(said) == query


@pytest.mark.parametrize(
    ("turns", "about"),
    [
        (["FUN 猫满一岁", "JOKE"], ["FUN 猫满一岁", "JOKE"]),
        (["FUN 猫满一岁", "TOIL 睡不着", "JOKE 吃火锅"], ["JOKE 吃火锅"]),
        (["GRIEF 奶奶走了", "x", "y", "z", "JOKE"], ["x", "y", "z", "JOKE"]),
        (["TOIL 睡不着", "JOKE"], ["JOKE"]),
    ],
)
def test_no_joke_is_about_what_weighs_on_somebody(tmp_path, turns, about):
    asked = []

    class Listening(Shelf):
        def find(self, said, *args, **kwargs):
            asked.append(list(said))
            return super().find(said, *args, **kwargs)

    snippet_folder(tmp_path / "s", 3)
    shelf = Listening([tmp_path / "s"], HashEncoder(), tmp_path / "index")
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf))
    for text in turns:
        talk.say(text)
    assert asked[-1] == about


def test_a_short_turn_finds_what_the_talk_is_about(tmp_path):
    shelf = shelf_of(
        tmp_path / "s",
        snippet_toml(1, line="猫咪打翻了花瓶", topic="猫咪"),
        snippet_toml(2, line="哈哈今天真有意思", topic="心情"),
    )
    alone = shelf.find(["哈哈真有意思"], language="zh", asked=True)
    with_talk = shelf.find(["我家猫咪今天又打翻了一个花瓶", "哈哈"], language="zh", asked=True)
    assert alone is not None
    assert with_talk is not None
    assert (alone.snippet.id, with_talk.snippet.id) == ("s-2", "s-1")


def test_the_counsellor_searches_with_the_turns_before(tmp_path):
    folder = tmp_path / "s"
    shelf = shelf_of(
        folder,
        snippet_toml(1, line="猫咪打翻了花瓶", topic="猫咪"),
        snippet_toml(2, line="哈哈今天真有意思", topic="心情"),
    )
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf), Preferences(humour_every=1))
    talk.say("我家猫咪今天又打翻了一个花瓶").say("哈哈JOKE")
    assert talk.decision.snippets == ("s-1",)


# -- words


def test_tokens_are_characters_pairs_and_words():
    assert tokens("養貓") == ["养", "猫", "养猫"]
    assert tokens("我的cat，Don't") == ["我", "的", "我的", "cat"]
    assert tokens("") == []


def test_a_word_that_stands_nowhere_lowers_every_score():
    index = LexicalIndex.build(["猫 打翻 花瓶", "下雨 带伞"])
    sure = index.scores("花瓶")
    assert sure[0] > sure[1] == 0
    assert 0 < index.scores("花瓶 氢氧化钠")[0] < sure[0] < 1
    assert index.scores("氢氧化钠").tolist() == [0, 0]
    assert index.scores("").tolist() == [0, 0]


def test_nothing_but_signs_has_an_index_too():
    index = LexicalIndex.build(["！！", "……"])
    assert index.scores("花瓶").tolist() == [0, 0]


def test_words_decide_where_meaning_is_the_same(tmp_path):
    class Blind(HashEncoder):
        def encode(self, texts):
            return super().encode(["同"] * len(texts))

    shelf = shelf_of(tmp_path / "s", snippet_toml(1, line="下雨"), snippet_toml(2, line="乌龟"), encoder=Blind())
    hit = shelf.find(["我家的乌龟"], language="zh", asked=True)
    assert hit is not None
    assert hit.snippet.id == "s-2"


def test_the_topic_of_the_file_helps_its_snippets(tmp_path):
    folder = tmp_path / "s"
    (folder / "zh").mkdir(parents=True)
    for number, name, first in ((1, "pets", "小狗小狗"), (3, "rain", "下雨下雨")):
        entries = [snippet_toml(number, line=first), snippet_toml(number + 1, line="今天")]
        (folder / "zh" / f"{name}.toml").write_text("\n".join(entries), encoding="utf-8")
    shelf = Shelf([folder], HashEncoder(), tmp_path / "index")
    scores = {one.hit.snippet.file: one.hit.score for one in shelf.choices(["小狗"], language="zh")[1:]}
    assert scores["zh/pets"] > scores["zh/rain"]


# -- enough, or nothing


def test_alike_enough_or_nothing(tmp_path, monkeypatch):
    shelf = Shelf([snippet_folder(tmp_path / "s")], HashEncoder(), tmp_path / "index")
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": 0.2})
    found = shelf.find(["第3句开场"], language="zh")
    assert found is not None
    assert found.snippet.id == "s-3"
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": 9.0})
    assert shelf.find(["第3句开场"], language="zh") is None
    assert shelf.find(["第3句开场"], language="zh", asked=True) is not None, "who asks gets the best there is"
    assert not any(choice.enough for choice in shelf.choices(["第3句开场"], language="zh"))


def test_nothing_for_a_long_text_unless_a_joke_is_asked_for(tmp_path, monkeypatch):
    shelf = Shelf([snippet_folder(tmp_path / "s")], HashEncoder(), tmp_path / "index")
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": -1.0})
    assert shelf.find(["第3句开场" * 50], language="zh") is not None
    assert shelf.find(["第3句开场" * 100], language="zh") is None
    assert shelf.find(["第3句开场" * 20_000], language="zh", asked=True) is not None


def test_used_ones_are_passed_over_and_the_language_is_kept(tmp_path):
    folder = snippet_folder(tmp_path / "snippets", 3)
    (folder / "en").mkdir()
    (folder / "en" / "e.toml").write_text(snippet_toml(0, id="e-0"), encoding="utf-8")
    shelf = Shelf([folder], HashEncoder(), tmp_path / "index")
    used: set[str] = set()
    for _ in range(3):
        hit = shelf.find(["第1句"], language="zh-Hant", used=frozenset(used), asked=True)
        assert hit is not None
        assert hit.snippet.language == "zh"
        assert hit.snippet.id not in used
        used.add(hit.snippet.id)
    assert shelf.find(["第1句"], language="zh", used=frozenset(used), asked=True) is None
    found = shelf.find(["第1句"], language="en", asked=True)
    assert found is not None
    assert found.snippet.id == "e-0"


def test_who_asks_gets_a_gentle_one_even_if_a_silly_one_is_nearer(tmp_path):
    shelf = shelf_of(
        tmp_path / "s",
        snippet_toml(1, mood="silly", line="猫咪追着自己的尾巴"),
        snippet_toml(2, line="完全无关的别的内容"),
    )
    text = ["猫咪追着自己的尾巴"]
    assert shelf.choices(text, language="zh")[0].hit.snippet.id == "s-1"
    hit = shelf.find(text, language="zh", asked=True)
    assert hit is not None
    assert hit.snippet.id == "s-2"
    last = shelf.find(text, language="zh", used=frozenset({"s-2"}), asked=True)
    assert last is not None
    assert last.snippet.id == "s-1", "when the gentle ones are told, another is better than none"


def test_who_asks_gets_one_among_very_many_of_another_language(tmp_path):
    """The nearest rows may all be in the other language or used; the gentle one far away must still be found."""
    folder = snippet_folder(tmp_path / "snippets", 450)
    path = folder / "zh" / "one.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("是吗？\n", "tell me a story\n"), encoding="utf-8")
    (folder / "en").mkdir()
    (folder / "en" / "e.toml").write_text(snippet_toml(0, id="e-0", line="zzzz qqqq"), encoding="utf-8")
    hit = Shelf([folder], HashEncoder(), tmp_path / "index").find(["tell me a story"], language="en", asked=True)
    assert hit is not None
    assert hit.snippet.id == "e-0"


# -- mood and variety


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("哈哈哈哈笑死我了", "silly"),
        ("hahaha no way", "silly"),
        ("太好了！", "playful"),
        ("lol", "playful"),
        ("今天天气不错", "gentle"),
        ("", "gentle"),
    ],
)
def test_the_mood_of_a_turn(text, mood):
    assert mood_of(text) == mood


@pytest.mark.usefixtures("nothing_is_too_far")
@pytest.mark.parametrize(("text", "chosen"), [("下雨了哈哈哈哈", "s-2"), ("下雨了！", "s-3"), ("下雨了。", "s-1")])
def test_of_two_that_fit_alike_the_one_in_the_mood_is_told(tmp_path, text, chosen):
    moods = ("gentle", "silly", "playful")
    same = {"line": "下雨天", "title": "雨", "topic": "雨"}
    shelf = shelf_of(tmp_path / "s", *(snippet_toml(number, mood=mood, **same) for number, mood in enumerate(moods, 1)))
    hit = shelf.find([text], language="zh")
    assert hit is not None
    assert hit.snippet.id == chosen


@pytest.mark.usefixtures("nothing_is_too_far")
def test_after_something_heavy_only_gentle_ones_come(tmp_path):
    shelf = shelf_of(
        tmp_path / "s", snippet_toml(1, mood="silly", line="下雨天"), snippet_toml(2, line="完全无关的别的内容")
    )
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf), Preferences(calm_turns=1, humour_every=1))
    talk.say("GRIEF").say("x").say("下雨天FUN哈哈哈")
    assert talk.decision.snippets == ("s-2",)
    fresh = Talk(scripted_counsellor(tmp_path, shelf=shelf), Preferences(humour_every=1)).say("下雨天FUN哈哈哈")
    assert fresh.decision.snippets == ("s-1",)


@pytest.mark.usefixtures("nothing_is_too_far")
def test_what_is_like_the_one_told_before_gives_way_to_another(tmp_path):
    shelf = shelf_of(
        tmp_path / "s",
        snippet_toml(1, line="猫咪猫咪猫咪打翻花瓶", title="猫咪一", topic="猫咪"),
        snippet_toml(2, line="猫咪猫咪猫咪打翻花瓶了", title="猫咪二", topic="猫咪"),
        snippet_toml(3, line="猫咪遇见一只乌龟在散步", title="散步", topic="乌龟"),
    )
    said = ["我家猫咪今天遇见了一只乌龟还打翻了花瓶猫咪"]
    first, second, _ = shelf.choices(said, language="zh")
    assert {first.hit.snippet.id, second.hit.snippet.id} == {"s-1", "s-2"}
    after = shelf.find(said, language="zh", used=frozenset({first.hit.snippet.id}))
    assert after is not None
    assert after.snippet.id == "s-3"


def test_shipped_snippets_are_found_by_a_turn_they_hear(parts):
    """The real encoder and words together; the benchmark measures turns written blind."""
    some = parts.shelf.open().corpus.snippets[::16]
    first = [parts.shelf.choices([one.hears[0]], language=one.language)[:3] for one in some]
    hits = [one.id in {choice.hit.snippet.id for choice in found} for one, found in zip(some, first, strict=True)]
    assert sum(hits) >= 0.9 * len(hits)
