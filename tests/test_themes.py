"""What a bit of an admin's own scripts must not be about, and what it is about."""

from __future__ import annotations

import pytest
from own_scripts import KITE, THEMES, WATER

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.humour import wording
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.settings import bundled


@pytest.mark.parametrize(
    "text",
    [
        "Her kids made a stable for the skilled diet coach.", "麻烦大家上床睡觉，他妈妈在芝麻糊里加糖",
        "去你妈妈家，路过长沙比较快，骑在骆驼背上", "切一盘猪头肉，这双破鞋真丑",
        "Dick's class saw a cockpit, an assembly and a pig",
    ],
)  # fmt: skip
def test_words_that_only_look_forbidden_pass(text):
    assert THEMES.found(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "他笑死了",
        "a FUNERAL",
        "ｋｉｌｌｉｎｇ",
        "k.i.l.l",
        "那個殘廢",
        "你这个傻逼",
        "你這個傻 逼",
        "他长得跟猪一样",
        "You dickhead",
        "He looks like a pig",
    ],
)
def test_forbidden_words_are_found_however_they_are_written(text):
    assert THEMES.found(text)


@pytest.mark.parametrize(
    "text", ["x = 1", "[[theme]]\nid = 3", '[[theme]]\nid = "a"', '[[theme]]\nid="a"\nzh=[""]', "["]
)
def test_a_broken_list_of_themes_is_refused(tmp_path, text):
    (tmp_path / "forbidden.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"forbidden\.toml"):
        Themes.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "theme"),
    [("他把卫生球当糖吃了", "poison"), ("she put rat poison in it", "poison"), ("抽他俩大嘴巴", "blows at home"),
     ("不打不成器嘛", "blows at home"), ("拉出去批斗", "persecution"), ("买了一瓶洗洁精", ""), ("张大嘴等饭", "")],
)  # fmt: skip
def test_no_joke_rests_on_poison_blows_or_persecution(text, theme):
    found = Themes.load(bundled("knowledge") / "crosstalk").found(text)
    assert found.partition(":")[0] == theme


def test_topics_are_things_that_are_named_twice():
    assert wording.topics("\n".join(WATER)) == ("饮水机", "毛病")
    assert "kite" in wording.topics("\n".join(KITE))
    assert wording.topics("It’s late, it’s dark, don’t don’t go home, home.") == ("home",)
    assert wording.topics("你知道吗？你不知道。我知道，他也知道。") == ()
