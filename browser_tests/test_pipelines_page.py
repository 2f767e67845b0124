"""Admin > Settings > Pipelines: every valve is shown, can be turned, works at the next turn, stays, and goes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fake_ollama import FakeOllama
from playwright.sync_api import expect

from browser_tests import words
from browser_tests.house import House, until
from browser_tests.person import Person
from psylite_pipeline.host.valves import FilterValves, PipeValves
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.settings import bundled


@dataclass(frozen=True)
class Page:
    """A plugin's valves on the page. `own`: one that the other plugin does not show. `others`: for each that is shown
    another value than its default."""

    plugin: str
    label: str
    valves: type[PipeValves] | type[FilterValves]
    own: str
    others: Mapping[str, Any]

    @property
    def shown(self) -> list[str]:
        """The names of the valves it shows."""
        return list(self.valves.model_json_schema()["properties"])

    def title(self, name: str) -> str:
        """What stands over a valve."""
        return str(self.valves.model_fields[name].title)

    def open(self, admin: Person) -> None:
        """Show it to the admin."""
        admin.open_valves(self.label, self.title(self.own))


PIPE = Page(
    "psylite",
    "psylite (pipe)",
    PipeValves,
    "model",
    {
        "model": "another",
        "sensitivity": "high",
        "humour": False,
        "humour_every": 1,
        "calm_turns": 1,
        "show_snippet": False,
        "show_thinking": False,
        "region": "HK",
        "language": "en",
        "judge": "always",
        "judge_model": "a-judge",
        "judge_seconds": 2.5,
        "reminder_every": 1,
        "first_piece_seconds": 5.0,
        "silence_seconds": 3.0,
    },
)
FILTER = Page(
    "psylite_filter",
    "psylite_filter (filter)",
    FilterValves,
    "pipelines",
    {
        "sensitivity": "high",
        "region": "TW",
        "language": "zh-Hant",
        "judge": "unsure",
        "judge_model": "a-judge",
        "judge_seconds": 120.0,
        "pipelines": ["one", "two"],
        "priority": 7,
    },
)
BOTH = pytest.mark.parametrize("page", [PIPE, FILTER], ids=lambda page: page.plugin)


@pytest.fixture(scope="module")
def turned(admin: Person, house: House) -> Iterator[None]:
    """Every valve of both plugins turned to its other value, and saved."""
    for page in (PIPE, FILTER):
        page.open(admin)
        for name, value in page.others.items():
            admin.set_valve(page.title(name), value)
        admin.save_valves()
    yield
    for page in (PIPE, FILTER):
        house.pipelines("POST", f"/{page.plugin}/valves/update", json={}).raise_for_status()


@BOTH
def test_every_valve_is_shown_with_its_title_and_what_it_does(admin: Person, page: Page) -> None:
    page.open(admin)
    for name in page.shown:
        expect(admin.valve(page.title(name))).to_contain_text(str(page.valves.model_fields[name].description))
    if page is PIPE:
        admin.valve(page.title("sensitivity")).evaluate("valve => valve.scrollIntoView()")
        admin.shot("valves")


@BOTH
def test_every_valve_keeps_what_it_was_turned_to(admin: Person, house: House, turned: None, page: Page) -> None:
    assert set(page.others) == set(page.shown)
    defaults = page.valves().model_dump()
    assert not [name for name, value in page.others.items() if value == defaults[name]]
    assert house.valves(page.plugin) == {**defaults, **page.others}
    page.open(admin)
    for name, value in page.others.items():
        expect(admin.valve(page.title(name))).to_be_visible()
        assert admin.shows(page.title(name), value), name
    admin.shot(f"valves-{page.plugin}-turned")


def test_what_was_turned_is_seen_in_the_next_turn(user: Person, ollama: FakeOllama, turned: None) -> None:
    user.new_talk()
    answer = user.say(words.PLAIN)
    judged, answered = ollama.calls[-2:]
    assert (judged["model"], answered["model"]) == ("a-judge", "another")
    assert "format" in judged
    assert "哪一件事" in answer
    assert "I'm an AI, not a person" in answer  # at every turn, and in English
    expect(user.answer.get_by_text("思考用时")).to_have_count(0)
    user.say(words.CHEERFUL)
    assert not told_a_snippet(ollama)
    broken_off = user.say(words.BROKEN_OFF)
    assert "先把水烧开" in broken_off
    assert "I broke off in the middle" in broken_off  # silent for longer than it may
    late = user.say(words.LATE)
    assert "nothing came" in late  # so late was the model
    assert given_care(ollama)  # and so was the judge: the safer route
    assert "thoughts of dying" not in late  # about flowers nobody is asked that
    user.shot("valves-at-work")


def test_what_was_turned_outlives_the_server(user: Person, house: House, turned: None) -> None:
    before = {page.plugin: house.valves(page.plugin) for page in (PIPE, FILTER)}
    house.kill_pipelines()
    until(house.pipelines_answers)
    assert {page.plugin: house.valves(page.plugin) for page in (PIPE, FILTER)} == before
    user.new_talk()
    answer = user.say(words.CRISIS)
    assert "18111" in answer
    assert "I'm an AI" in answer


def test_some_at_none_and_the_others_go_on(admin: Person, user: Person, ollama: FakeOllama, turned: None) -> None:
    PIPE.open(admin)
    for name in ("humour", "judge", "reminder_every", "language"):
        admin.switch(PIPE.title(name), custom=False)
    admin.save_valves()
    user.new_talk()
    user.say(words.CHEERFUL)
    assert told_a_snippet(ollama)
    expect(user.answer.get_by_text("相声一段")).to_have_count(0)  # told to the model, and not shown
    user.say(words.GRIEF)
    assert not told_a_snippet(ollama)
    user.say(words.CHEERFUL)
    assert told_a_snippet(ollama)  # one calm turn is enough, and so is one turn since the last snippet
    user.new_talk()
    before = len(ollama.calls)
    assert "18111" in user.say(words.FAINT)
    assert len(ollama.calls) == before  # danger, where the standard sensitivity sees worry


def test_all_at_none_are_the_defaults_again(admin: Person, user: Person, house: House, turned: None) -> None:
    for page in (PIPE, FILTER):
        page.open(admin)
        for name in page.shown:
            admin.switch(page.title(name), custom=False)
        admin.save_valves()
        assert house.valves(page.plugin) == page.valves().model_dump()
    admin.shot("valves-none")
    user.new_talk()
    assert "12356" in user.say(words.CRISIS)


def given_care(ollama: FakeOllama) -> bool:
    """Whether the model was told, in English, to answer the last turn with care."""
    return Prompts.load(bundled("knowledge") / "prompts").of("en")["care"] in ollama.calls[-1]["messages"][0]["content"]


def told_a_snippet(ollama: FakeOllama) -> bool:
    """Whether the model was given one with the last turn."""
    return "素材>" in (told := ollama.calls[-1]["messages"][0]["content"]) or "material>" in told
