"""What a person sees when the Pipelines server dies, and how the talk goes on."""

from __future__ import annotations

from playwright.sync_api import expect

from browser_tests import words
from browser_tests.house import House, until
from browser_tests.person import Person


def test_pipelines_dies_in_the_middle_of_an_answer(house: House, user: Person) -> None:
    user.new_talk()
    user.begin(words.SLOW)
    expect(user.answer).to_contain_text("第3句")
    house.kill_pipelines()
    cut = user.answered()
    assert f"第{words.SENTENCES}句" not in cut
    assert "第3句" in cut  # what was said stays, and Open WebUI notes that it is not all
    expect(user.answer).to_contain_text("not completed")
    user.shot("died-in-the-middle")
    user.begin(words.PLAIN)
    expect(user.answer).to_contain_text("Server Connection Error")  # as the guide promises
    user.shot("died-then-asked")
    user.new_talk()
    expect(user.page.get_by_text("难受的时候别等我")).to_contain_text("12356")
    user.shot("died-empty-page")
    until(house.pipelines_answers)
    user.new_talk()
    assert "12356" in user.say(words.CRISIS)
