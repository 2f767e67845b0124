"""Every command of the Makefile runs each time it is asked for, whatever folder happens to bear its name."""

from __future__ import annotations

import re
from pathlib import Path

MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
COMMANDS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))


def test_no_command_is_taken_for_a_file():
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.M)
    assert set(phony.split()) == COMMANDS


def test_help_shows_every_command():
    shown = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
    assert COMMANDS - shown == {"check"}  # another name of test
