"""What of the stack ends by itself: a model may be missing, what answers people may not."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack import supervisor
from psylite_pipeline.stack.supervisor import PAUSE, RECENT, RESTARTS, Part


class Over(Exception):
    """Ends the watch of a test."""


class Ended:
    """A process that has ended."""

    ended, log = True, "part.log"

    def stop(self):
        pass

    def last_words(self):
        return "out of memory"


@pytest.fixture
def watched(monkeypatch):
    """Watch `part` for so many seconds of a clock that runs by itself; what was said."""

    def run(part: Part, seconds: float) -> list[str]:
        said, clock = [], SimpleNamespace(now=1000.0)

        def sleep(pause):
            clock.now += pause
            if clock.now > 1000 + seconds:
                raise Over

        monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
        with pytest.raises(Over):
            supervisor.watch([part], SimpleNamespace(say=lambda text, style="": said.append(text)))
        return said

    return run


def test_a_model_that_keeps_ending_is_tried_every_minute_and_complained_of_once(watched):
    begun = []
    part = Part("Ollama", lambda: begun.append(1) or Ended(), lambda: True, 60, Ended(), vital=False)
    said = watched(part, 5 * PAUSE)
    assert RESTARTS + 4 <= len(begun) <= RESTARTS + 5
    assert len([text for text in said if "keeps ending" in text and "in danger is answered" in text]) == 1
    assert len(said) == RESTARTS + 1


def test_a_model_that_cannot_be_started_again_is_tried_later(watched):
    tries = []

    def begin():
        tries.append(1)
        if len(tries) < 3:
            raise StackError("Ollama has ended and can no longer be started.")
        return SimpleNamespace(ended=False)

    said = watched(Part("Ollama", begin, lambda: True, 60, Ended(), vital=False), 4 * PAUSE)
    assert len(tries) == 3
    assert len([text for text in said if "no longer be started" in text]) == 1


def test_what_answers_people_is_given_up_when_it_keeps_ending(watched):
    with pytest.raises(StackError, match=r"Pipelines keeps ending(.|\n)*out of memory"):
        watched(Part("Pipelines", Ended, lambda: True, 60, Ended()), 60)


def test_four_ends_in_an_hour_are_not_four_in_a_minute(watched):
    part = Part("Pipelines", Ended, lambda: True, 60, Ended())
    part.ends = [1000.0 - RECENT - number for number in range(RESTARTS)]
    part.begin = lambda: SimpleNamespace(ended=False)
    assert len(watched(part, 30)) == 1


def test_a_start_goes_on_without_a_model_that_dies_and_not_without_what_answers_people():
    said = []
    teller = SimpleNamespace(
        say=lambda text, style="": said.append(text), working=lambda what: nullcontext(lambda *progress: None)
    )
    answering = Part("Pipelines", lambda: SimpleNamespace(ended=False), lambda: True, 60)
    standin = Part("stand-in model", Ended, lambda: False, 60, vital=False)
    supervisor.start([standin, answering], teller)
    assert answering.ready
    supervisor.start([standin, answering], teller)  # the page comes later, and nobody waits twice
    assert sum("ended while it was starting" in text and "in danger is answered" in text for text in said) == 1
    with pytest.raises(StackError, match="ended while it was starting"):
        supervisor.start([Part("Pipelines", Ended, lambda: False, 60)], teller)
