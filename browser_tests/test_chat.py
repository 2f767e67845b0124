"""What a person sees of each kind of turn, and of the buttons around it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

from fake_ollama import FakeOllama
from playwright.sync_api import expect

from browser_tests import words
from browser_tests.house import House, until
from browser_tests.person import Person


def test_an_admin_and_a_user_are_signed_in_and_only_one_of_them_is_an_admin(admin: Person, user: Person) -> None:
    admin.open_valves("psylite (pipe)", "Model · 模型")
    user.page.goto(f"{user._url}/admin/settings/pipelines")
    expect(user.page.locator("#chat-input")).to_be_visible()
    expect(user.page.locator("#pipeline")).to_have_count(0)


def test_the_empty_page_says_which_number_to_call_where_no_answer_comes(user: Person) -> None:
    user.new_talk()
    note = user.page.get_by_text("难受的时候别等我")
    for words_of_it in ("不是你的问题", "12356", "When you are having a hard time", "988"):
        expect(note).to_contain_text(words_of_it)
    user.shot("note")
    user.page.get_by_role("button", name="关闭横幅").or_(user.page.get_by_label("Close Banner")).click()
    expect(note).to_have_count(0)
    user.new_talk()
    expect(note).to_be_visible()  # closed for that once
    user.say(words.DECLINED)
    expect(note).to_have_count(0)  # as the threat model says
    user.page.evaluate("localStorage.setItem('locale', 'zh-TW')")
    user.new_talk()
    expect(user.page.get_by_text("難受的時候不要等我")).to_contain_text("18111")
    user.page.evaluate("localStorage.setItem('locale', 'zh-CN')")
    user.new_talk()
    expect(note).to_be_visible()


def test_a_cheerful_turn_waits_with_a_status_and_brings_a_folded_snippet(user: Person) -> None:
    user.new_talk()
    user.begin(words.CHEERFUL)  # the first that goes to the model: it has yet to be loaded
    status = user.answer.get_by_text("正在唤醒模型")
    expect(status).to_be_visible()
    user.shot("status")
    assert "火锅" in user.answered()
    expect(status).to_have_count(0)
    fold = user.answer.get_by_text("相声一段 · ")
    expect(fold).to_be_visible()
    title = fold.inner_text().split(" · ")[1].strip()
    assert "甲：" not in user.text
    fold.click()
    expect(user.answer.get_by_text("甲：").first).to_be_visible()
    user.shot("cheerful")
    user.answer.get_by_role("button", name="1 个来源").click()
    expect(user.answer.get_by_text(f"相声一段 · {title}")).to_have_count(2)
    user.shot("source")


def test_a_crisis_turn_is_answered_in_stages_without_the_model(user: Person, ollama: FakeOllama) -> None:
    user.new_talk()
    before = len(ollama.calls)
    first = user.say(words.CRISIS)
    assert "12356" in first
    assert first.endswith("？")
    user.shot("crisis-first")
    second = user.say(words.STILL)
    assert second not in first
    assert second.endswith("？")
    user.shot("crisis")
    assert "<" not in first + second
    assert len(ollama.calls) == before


def test_a_harmful_request_is_declined_without_the_model(user: Person, ollama: FakeOllama) -> None:
    user.new_talk()
    before = len(ollama.calls)
    assert len(user.say(words.DECLINED)) > 30
    user.shot("declined")
    assert len(ollama.calls) == before


def test_a_plain_turn_shows_the_reasoning_folded(user: Person) -> None:
    user.new_talk()
    answer = user.say(words.PLAIN)
    assert "哪一件事" in answer
    assert "这个人睡不好" not in answer
    assert "12356" not in answer
    user.answer.get_by_text("思考用时").click()
    expect(user.answer.get_by_text("这个人睡不好")).to_be_visible()
    user.shot("plain")


def test_the_stop_button_stops_the_model_and_the_talk_goes_on(user: Person, ollama: FakeOllama) -> None:
    user.new_talk()
    gone = ollama.hung_up
    user.begin(words.SLOW)
    expect(user.answer).to_contain_text("第3句")
    user.stop_button.click()
    stopped = user.answered()
    assert f"第{words.SENTENCES}句" not in stopped
    user.shot("stopped")
    until(lambda: ollama.hung_up > gone)
    assert "哪一件事" in user.say(words.PLAIN)


def test_an_answer_can_be_had_again(user: Person, ollama: FakeOllama) -> None:
    user.new_talk()
    user.say(words.PLAIN)
    before = len(ollama.calls)
    user.answer.get_by_role("button", name="重新生成").click()
    user.page.get_by_text("重试", exact=True).click()
    until(lambda: len(ollama.calls) == before + 1)
    assert "哪一件事" in user.answered()
    expect(user.answer.get_by_text("2/2")).to_be_visible()
    user.shot("regenerated")


def test_a_turn_that_is_edited_is_judged_anew(user: Person, ollama: FakeOllama) -> None:
    user.new_talk()
    user.say(words.PLAIN)
    before = len(ollama.calls)
    assert "12356" in user.edit_last(words.CRISIS)
    user.shot("edited")
    assert len(ollama.calls) == before


def test_a_picture_is_answered_truly(user: Person, tmp_path: Path, ollama: FakeOllama) -> None:
    picture = tmp_path / "dinner.png"
    picture.write_bytes(_png(240, 160))
    user.new_talk()
    answer = user.say(words.PICTURE, picture)
    assert "一顿饭" in answer
    assert "图片我看不见" in answer
    assert all(isinstance(message["content"], str) for message in ollama.calls[-1]["messages"])
    user.shot("picture")


def test_two_people_at_once_see_each_their_own(
    admin: Person, user: Person, window: Callable[[], Person], house: House
) -> None:
    other = window()
    other.sign_in(house.add_account("小周", "zhou@example.org"))
    user.new_talk()
    user.begin(words.SLOW)
    expect(user.answer).to_contain_text("第2句")
    assert "12356" in other.say(words.CRISIS)
    other.shot("beside")
    expect(user.answer).to_contain_text(f"第{words.SENTENCES}句", timeout=90_000)
    assert "12356" not in user.answered()
    expect(other.page.get_by_text(words.SLOW)).to_have_count(0)


def _png(width: int, height: int) -> bytes:
    """A picture in one warm colour."""
    rows = b"".join(b"\0" + bytes((222, 120, 60)) * width for _ in range(height))
    chunks = (b"IHDR" + pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND")
    body = b"".join(pack(">I", len(one) - 4) + one + pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + body
