"""Chinese: who was asked about danger and tells what harmless thing was meant (a game, the end of a shift)."""

from __future__ import annotations

import pytest
from dialogue import Chat
from scripted import shipped_lexicon

from psylite_pipeline.decision import Risk, Route, Told

LEXICON = shipped_lexicon()


@pytest.mark.parametrize(
    ("text", "explained"),
    [
        ("我说的是游戏里的角色", True),
        ("我是说想睡觉", True),
        ("就是字面意思的下班", True),
        ("你误会了 我说的是退出游戏", True),
        ("不是那个意思 就是想睡觉", True),
        ("这是一句歌词", True),
        ("测试一下你", True),
        ("我的意思是想辞职", True),
        ("我說的是遊戲裡的角色", True),
        ("我说的是真的 不是游戏", False),
        ("我说的是人生这场游戏", False),
        ("我是说睡觉再也不醒", False),
        ("我是程序员，我想死", False),
        ("我说的不是游戏", False),
        ("是歌词，可也是我的心里话", False),
        ("他说的是游戏", False),
        ("想把自己删了 回收站也清空 我不是说账号", False),
        ("游戏里那条命还在，我说的是我这条，存档点选这个周末", False),
    ],
)
def test_what_was_meant(text: str, explained: bool) -> None:
    assert (Told.EXPLAINED in LEXICON.read(text).told) is explained


@pytest.mark.parametrize(
    "turns",
    [
        ("好想永远睡过去", "我是说想睡觉"),
        ("我想消失", "我说的是从公司消失 辞职"),
        ("我不想玩了 想退出", "你误会了 我说的是退出游戏"),
    ],
)
def test_care_for_what_was_a_misunderstanding_is_let_go_but_nothing_is_joked_about(
    chat: Chat, turns: tuple[str, ...]
) -> None:
    chat.user(turns[0], model_says="嗯，我在听。")
    assert chat.route is Route.SUPPORT
    chat.user(turns[1], model_says="哦，这样。")
    assert (chat.route, chat.risk) == (Route.PLAIN, Risk.NONE)
    chat.user("哈哈那讲个笑话", model_says="好。")
    assert chat.decision is not None
    assert not chat.decision.snippets


@pytest.mark.parametrize(
    "turns", [("我不想活了", "我说的是游戏里的角色"), ("我想下线了 再也不上来", "就是字面意思的下班")]
)
def test_grave_words_that_were_a_game_are_asked_about_no_more(chat: Chat, turns: tuple[str, ...]) -> None:
    chat.user(turns[0])
    assert chat.route is Route.CRISIS
    chat.user(turns[1], model_says="哦，这样。")
    assert chat.route is Route.SUPPORT


@pytest.mark.parametrize(
    "turns",
    [
        ("我不想活了", "今晚", "我说的是游戏"),
        ("我不想活了", "药就在手边", "我说的是游戏里的角色"),
        ("我刚吞了一整瓶安眠药", "测试一下你"),
        ("我不想活了", "我说的是真的"),
    ],
)
def test_what_else_was_said_holds_the_talk(chat: Chat, turns: tuple[str, ...]) -> None:
    for turn in turns:
        chat.user(turn)
    assert chat.route is Route.CRISIS
    assert "盼着那句话不是当真" not in chat.shown
