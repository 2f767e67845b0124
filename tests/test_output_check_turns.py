"""What a person sees where the output check stops an answer, and where the check or its rules are broken."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path

import pytest
from dialogue import Chat, Parts
from fake_ollama import FakeOllama, Reply
from scripted import KeywordRules, ScriptedModel, Talk, scripted_counsellor, texts
from unfit_words import CHECK, FOLDER, FORBIDDEN, PLAIN, REPLIES, cut

from psylite_pipeline.answers import Answers, Backend
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.model import Words
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.opening import open_counsellor, open_output_check
from psylite_pipeline.output_check import FAILED, OutputCheck
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.settings import Preferences, Settings

WORRIED = "有时候真希望睡着了就不用再醒过来"


# -- through the whole turn


def hung_up(ollama: FakeOllama) -> bool:
    until = time.monotonic() + 5
    while not ollama.hung_up and time.monotonic() < until:
        time.sleep(0.01)
    return bool(ollama.hung_up)


@pytest.mark.parametrize(
    ("turn", "route", "notice"),
    [(PLAIN, Route.PLAIN, "held_back"), (WORRIED, Route.SUPPORT, "held_back_support"),
     ("给我讲个笑话吧", Route.HUMOUR, "held_back")],
)  # fmt: skip
@pytest.mark.parametrize("text", FORBIDDEN)
def test_the_reply_stops_and_says_why(chat: Chat, turn: str, route: Route, notice: str, text: str) -> None:
    chat.user(turn, Reply(["我在听。", *cut(text, 2), "\n", *["还有别的话。"] * 300], pause=0.01))
    assert chat.route is route
    fixed = REPLIES.notice(notice, lang="zh-Hans")
    assert chat.shown.startswith("我在听。")
    assert f"\n\n{fixed}" in chat.shown
    assert not CHECK.found(chat.shown.partition(fixed)[0], support=True)
    assert "还有别的话" not in chat.shown
    assert "<details>" not in chat.shown
    assert ("12356" in chat.shown) is (route is Route.SUPPORT)
    assert hung_up(chat.ollama)


def test_an_answer_that_begins_badly_is_replaced_and_never_empty(chat: Chat) -> None:
    for text in ("你应该去死", "I am a real person"):
        chat.user(PLAIN, text)
        assert chat.shown.endswith(REPLIES.notice("held_back", lang="zh-Hans"))
        assert not CHECK.found(chat.shown, support=True)


def test_the_next_turn_does_not_show_the_model_our_words(chat: Chat) -> None:
    chat.user(PLAIN, Reply(["我在听。", "你应该去死。"]))
    chat.user("嗯嗯，今天还行", "好。")
    assert [message["content"] for message in chat.sent if message["role"] == "assistant"] == ["我在听。"]
    assert chat.shown == "好。"


def test_harmless_answers_arrive_piece_by_piece_as_the_model_writes(parts: Parts, ollama: FakeOllama) -> None:
    pieces = cut("听起来今天很累，工作堆在一起，你一直撑着。想先说哪一件？", 2)
    ollama.script(Reply(pieces, pause=0.02))
    model = OllamaModel(ollama.url, num_ctx=4096, keep_alive="5m")
    answers = Answers(parts.replies, parts.prompts, model, Backend("psylite"), parts.plain_assessor.worst, CHECK)
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": PLAIN}]})
    heard = list(answers.counsel(conversation, Decision(Route.PLAIN), Preferences(), None))
    assert [piece.text for piece in heard if isinstance(piece, Words)][:3] == pieces[:3]
    assert len(heard) > len(pieces) * 0.7


def test_shown_thoughts_are_checked_and_hidden_ones_are_not(chat: Chat) -> None:
    chat.user(PLAIN, Reply(["好。"], think=["嗯，", "你应该", "去死。"]))
    assert "去死" not in chat.thoughts
    assert chat.shown == REPLIES.notice("held_back", lang="zh-Hans")
    chat.preferences = chat.preferences.model_copy(update={"show_thinking": False})
    chat.messages.clear()
    chat.user(PLAIN, Reply(["好。"], think=["你应该去死。"]))
    assert chat.shown == "好。"
    chat.messages.clear()
    chat.user(WORRIED, Reply(["<think>你应该", "去死。</think>我在。"]))
    assert chat.shown.startswith("我在。")


@pytest.mark.parametrize(
    ("task", "says", "neutral"),
    [
        ("follow_up_generation", '{"follow_ups": ["今天几点睡？", "安眠药一次吃五十片就能死"]}', '{"follow_ups": []}'),
        ("follow_up_generation", json.dumps({"follow_ups": ["你应该去死"]}), '{"follow_ups": []}'),
        ("autocomplete_generation", '{"text": "今天好累，你应该去死。"}', '{"text": ""}'),
        ("title_generation", "I am a real person", '{"title": "新对话"}'),
        ("title_generation", '<think>你应该去死</think>{"title": "爬山"}', None),
        ("title_generation", '找个标题。</think>{"title": "爬山"}', None),
    ],
)
def test_what_a_task_makes_is_looked_at_whole(chat: Chat, task: str, says: str, neutral: str | None) -> None:
    chat.user("按要求写：今天去爬山了", Reply(cut(says, 3)), metadata={"task": task})
    assert chat.route is Route.TASK
    assert chat.shown == (neutral or '{"title": "爬山"}')


@pytest.mark.parametrize("check", [None, "broken"])
def test_without_a_check_a_task_gets_the_neutral_result(tmp_path: Path, check: str | None) -> None:
    model = ScriptedModel('{"title": "爬山"}')
    talk = Talk(scripted_counsellor(tmp_path, model, check=Broken() if check else None)).say(
        "按要求写：今天去爬山了", metadata={"task": "title_generation"}
    )
    assert talk.shown == '{"title": "新对话"}'


def test_the_rule_is_logged_and_no_word(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    chat.user(PLAIN, "紫色河马，你应该去死。")
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert "output.zh.encourage" in log
    assert "紫色河马" not in log
    assert "去死" not in log


# -- when the check itself fails


class Broken(OutputCheck):
    """A check that is there and fails, at once or from the nth look on."""

    def __init__(self, after: int = 0) -> None:
        self.left = after

    def look(self, text: str) -> tuple[bool, int]:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("secret words must not be shown")
        return CHECK.look(text)


def answered(check: OutputCheck | None, route: Route, *says: str, replies: object = "real") -> str:
    real, prompts = texts()
    plain = Assessor(KeywordRules(), None)
    model = ScriptedModel(*says)
    answers = Answers(real if replies == "real" else None, prompts, model, Backend("psylite"), plain.worst, check)
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": "今天"}]})
    risk = Risk.CONCERN if route is Route.SUPPORT else Risk.NONE
    decision = Decision(route, risk, episode=0 if risk else None)
    return "".join(
        piece.text for piece in answers.counsel(conversation, decision, Preferences(), None) if isinstance(piece, Words)
    )


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failing_check_lets_plain_answers_pass_whole(after: int, caplog: pytest.LogCaptureFixture) -> None:
    assert answered(Broken(after), Route.PLAIN, "我是", "说，今天", "不错。") == "我是说，今天不错。"
    assert "secret words" not in caplog.text
    assert caplog.text.count("output check failed") == 1


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failing_check_in_support_leaves_the_fixed_words(after: int, caplog: pytest.LogCaptureFixture) -> None:
    shown = answered(Broken(after), Route.SUPPORT, "你好。", "我是说，今天", "不错。")
    assert REPLIES.notice("held_back_support", lang="zh-Hans") in shown
    assert "不错" not in shown
    assert FAILED in caplog.text


def test_without_reply_files_there_are_still_words() -> None:
    for route in (Route.PLAIN, Route.SUPPORT):
        shown = answered(CHECK, route, "你应该去死。", replies=None)
        assert len(shown) > 30
        assert "去死" not in shown
    assert "12356" in shown


# -- rule files


def test_broken_rules_are_told_and_leave_the_shipped_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "knowledge"
    shutil.copytree(FOLDER, folder / "risk" / "output")
    (folder / "risk" / "output" / "zh.toml").write_text("[[rule]\n", encoding="utf-8")
    check = open_output_check(Settings.load(knowledge_dir=folder))
    assert check is not None
    assert check.found("你应该去死", support=False)
    assert "zh.toml" in caplog.text


def test_without_any_rules_no_model_speaks_to_a_person_at_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path) -> OutputCheck:
        raise KnowledgeError(f"{folder.name}: broken")

    monkeypatch.setattr(OutputCheck, "load", fails)
    assert open_output_check(Settings.load()) is None
    shown = answered(None, Route.SUPPORT, "这是我们的秘密。")
    assert shown.startswith(REPLIES.notice("model_missing", lang="zh-Hans"))
    assert "12356" in shown
    assert "秘密" not in shown
    assert answered(None, Route.PLAIN, "我在。") == "我在。"


@pytest.mark.parametrize("level", ["none", "imminent"])
def test_a_level_without_meaning_is_refused(tmp_path: Path, level: str) -> None:
    text = (FOLDER / "en.toml").read_text(encoding="utf-8").replace('level = "high"', f'level = "{level}"', 1)
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "en.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"output\.en\.dose, field level"):
        OutputCheck.load(tmp_path)


def test_the_product_is_opened_with_the_check(
    ollama: FakeOllama, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
    ollama.script("我是真人。")
    counsellor = open_counsellor(Settings.load(model="psylite", data_dir=tmp_path))
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": PLAIN}]})
    pieces = counsellor.reply(conversation, Decision(Route.PLAIN))
    shown = "".join(piece.text for piece in pieces if isinstance(piece, Words))
    assert shown == REPLIES.notice("held_back", lang="zh-Hans")
