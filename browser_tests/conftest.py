"""House, browser and people, made once: `make test-browser`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fake_ollama import FakeOllama  # noqa: E402  a helper of the other tests

from browser_tests.house import ADMIN, House  # noqa: E402
from browser_tests.person import Person  # noqa: E402
from browser_tests.words import answer  # noqa: E402
from stack_tests.images import webui_environment  # noqa: E402

#: Every test's pictures. Kept between runs, not in the repository.
SHOTS = ROOT / "build" / "browser"

_FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # A browser asks before a page may reach this machine; the tests are about what happens when it may.
    "--disable-features=LocalNetworkAccessChecks", "--host-resolver-rules=MAP elsewhere.example 127.0.0.1",
)  # fmt: skip


@pytest.fixture(scope="session")
def ollama() -> Iterator[FakeOllama]:
    """The scripted model."""
    with FakeOllama(["psylite", "another", "a-judge"]) as server:
        yield server.otherwise(answer)


@pytest.fixture(scope="session")
def house(ollama: FakeOllama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Pipelines and Open WebUI, started as a person starts them."""
    house = House(tmp_path_factory.mktemp("house"), webui_environment(ROOT / ".venv" / "stack-test"), ollama.url)
    try:
        house.start()
        yield house
    finally:
        house.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if not chromium:
        reason = "there is no chromium here (Debian: apt install chromium fonts-noto-cjk)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(house: House, browser: Browser) -> Callable[[], Person]:
    """Opens a window that knows nobody yet."""

    def opened() -> Person:
        context = browser.new_context(viewport={"width": 1180, "height": 820}, locale="zh-CN")
        return Person(context.new_page(), house.url, SHOTS)

    return opened


@pytest.fixture(scope="session")
def admin(window: Callable[[], Person]) -> Person:
    """Who signs up first."""
    person = window()
    person.sign_up(ADMIN)
    return person


@pytest.fixture(scope="session")
def user(window: Callable[[], Person], admin: Person, house: House) -> Person:
    """Somebody with an ordinary account."""
    person = window()
    person.sign_in(house.add_account("小林", "lin@example.org"))
    return person


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A picture of every window when a test has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name, value in item.funcargs.items():  # type: ignore[attr-defined]
            if isinstance(value, Person):
                value.shot(f"failed-{item.name}-{name}")
