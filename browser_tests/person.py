"""Somebody at Open WebUI in a real browser, in Chinese. Labels are those of the version in requirements/webui.txt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from browser_tests.house import until

#: Milliseconds for what waits on a server of ours on a busy machine.
PATIENCE = 120_000
#: How the page names a valve that has a value of its own.
CUSTOM = "自定义"
expect.set_options(timeout=PATIENCE)


class Person:
    """One browser window. `shots` is where its pictures go."""

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self._url = url
        self._shots = shots
        page.set_default_timeout(PATIENCE)

    # -- the door

    def sign_up(self, account: Mapping[str, str]) -> None:
        """Make the first account, the admin's."""
        self.page.goto(self._url)
        self.page.get_by_role("button", name="开始使用").click()
        self.page.locator("#name").fill(account["name"])
        self._fill_in(account)

    def sign_in(self, account: Mapping[str, str]) -> None:
        """With an account that is there."""
        self.page.goto(self._url)
        self._fill_in(account)

    def _fill_in(self, account: Mapping[str, str]) -> None:
        self.page.locator("#email").fill(account["email"])
        self.page.locator("#password").fill(account["password"])
        self.page.locator("button[type=submit]").click()
        expect(self.page.locator("#chat-input")).to_be_visible()

    # -- the talk

    def new_talk(self) -> None:
        """An empty page."""
        self.page.goto(self._url)
        expect(self.page.locator("#chat-input")).to_be_visible()

    def begin(self, words: str, picture: Path | None = None) -> None:
        """Send a turn and do not wait for its answer."""
        if picture:
            self.page.locator("input[type=file]").first.set_input_files(picture)
            expect(self.page.locator("#message-input-container img")).to_be_visible()
        before = self.page.locator(".user-message").count()
        field = self.page.locator("#chat-input")
        field.click()
        self.page.keyboard.insert_text(words)
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".user-message")).to_have_count(before + 1)

    def say(self, words: str, picture: Path | None = None) -> str:
        """One turn, whole: the answer as it is read."""
        self.begin(words, picture)
        return self.answered()

    def answered(self) -> str:
        """Wait until the last answer is whole; its text."""
        expect(self.answer.get_by_role("button", name="重新生成")).to_be_visible()
        expect(self.stop_button).to_have_count(0)
        return self.text

    @property
    def answer(self) -> Locator:
        """The last answer, with the buttons under it."""
        return self.page.locator("#messages-container [role=listitem]").last

    @property
    def text(self) -> str:
        """The last answer's text, as far as it has come."""
        return self.answer.locator("#response-content-container").inner_text()

    @property
    def stop_button(self) -> Locator:
        """What ends an answer that is being written."""
        return self.page.get_by_role("button", name="停止", exact=True)

    def edit_last(self, words: str) -> str:
        """Change the last turn, send it again, and wait for the answer."""
        message = self.page.locator("#messages-container [role=listitem]").nth(-2)
        message.hover()
        message.get_by_role("button", name="编辑").click()
        message.locator("textarea").fill(words)
        message.get_by_role("button", name="发送").click()
        expect(self.page.locator(".user-message").last).to_contain_text(words)
        return self.answered()

    # -- the admin's page

    def open_valves(self, pipeline: str, shown: str) -> None:
        """The Pipelines page, loaded anew, with the valves of `pipeline`; only it shows one titled `shown`."""
        self.page.goto(f"{self._url}/admin/settings/pipelines")
        self.page.locator("#pipeline").select_option(label=pipeline)
        expect(self.valve(shown)).to_be_visible()

    def valve(self, title: str) -> Locator:
        """The part of the page that holds one valve."""
        label = self.page.get_by_text(title, exact=True)
        return self.page.locator("section > div > div").filter(has=label).last

    def switch(self, title: str, *, custom: bool) -> None:
        """Press the button by which a valve is set to None or to a value of its own, until it is as asked."""
        button = self.valve(title).get_by_role("button").first

        def pressed() -> bool:
            if (button.inner_text().strip() == CUSTOM) != custom:
                button.click()
            self.page.wait_for_timeout(200)  # the page may draw itself anew after a press, and then forgets it
            return (button.inner_text().strip() == CUSTOM) == custom

        until(pressed)

    def set_valve(self, title: str, value: Any) -> None:
        """Give a valve a value of its own, with whatever the page offers for it."""
        self.switch(title, custom=True)
        valve = self.valve(title)
        if isinstance(value, bool):
            if self.valve_value(title) != _as_shown(value):
                valve.get_by_role("switch").click()
        elif valve.locator("select").count():
            valve.locator("select").select_option(str(value))
        else:
            valve.get_by_role("textbox").fill(_as_shown(value))
        assert self.shows(title, value)

    def shows(self, title: str, value: Any) -> bool:
        """Whether the page gives `value` for a valve."""
        return self.valve_value(title) == _as_shown(value)

    def valve_value(self, title: str) -> str:
        """What the page gives for a valve; nothing where it is at None."""
        valve = self.valve(title)
        if valve.get_by_role("switch").count():
            return str(valve.get_by_role("switch").get_attribute("aria-checked"))
        field = valve.locator("select").or_(valve.get_by_role("textbox"))
        return field.input_value() if field.count() else ""

    def save_valves(self) -> None:
        """Press Save, and see that it was saved."""
        self.page.get_by_role("button", name="保存").click()
        expect(
            self.page.get_by_text("Valves updated successfully").or_(self.page.get_by_text("更新成功"))
        ).to_be_visible()

    # -- the picture

    def shot(self, name: str) -> None:
        """A picture of what is on the page now."""
        self._shots.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(0, 0)
        self.page.wait_for_timeout(400)  # what moves on the page has come to rest
        self.page.screenshot(path=self._shots / f"{name}.png")


def _as_shown(value: Any) -> str:
    """A value as the page writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)
