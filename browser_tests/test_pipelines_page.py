"""Admin > Settings > Pipelines: every valve is shown, can be set, set to None, and keeps what it was set to."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser_tests import words
from browser_tests.house import House, until
from browser_tests.person import Person
from psylite_pipeline.host.valves import FilterValves, PipeValves


@pytest.mark.parametrize(
    ("pipeline", "valves"), [("psylite (pipe)", PipeValves), ("psylite_filter (filter)", FilterValves)]
)
def test_every_valve_is_shown_with_its_title_and_what_it_does(admin: Person, pipeline: str, valves: type) -> None:
    admin.open_valves(pipeline)
    for field in valves.model_fields.values():
        expect(admin.valve(field.title)).to_contain_text(field.description)
    if valves is PipeValves:
        admin.valve("Sensitivity").evaluate("valve => valve.scrollIntoView()")
        admin.shot("valves")


def test_a_valve_is_changed_saved_set_to_none_and_saved_again(admin: Person, user: Person, house: House) -> None:
    admin.open_valves("psylite (pipe)")
    admin.switch("Region of the helplines", custom=True)
    admin.valve("Region of the helplines").locator("select").select_option("HK")
    admin.save_valves()
    admin.shot("valves-saved")
    user.new_talk()
    assert "18111" in user.say(words.CRISIS)
    house.kill_pipelines()
    until(lambda: not house.pipelines_answers())
    until(house.pipelines_answers)
    admin.open_valves("psylite (pipe)")
    expect(admin.valve("Region of the helplines").locator("select")).to_have_value("HK")
    user.new_talk()
    assert "18111" in user.say(words.CRISIS)
    for field in PipeValves.model_fields.values():
        admin.switch(field.title, custom=False)
    admin.save_valves()
    admin.shot("valves-none")
    user.new_talk()
    assert "12356" in user.say(words.CRISIS)
