"""Every command of the Makefile runs each time it is asked for, whatever folder happens to bear its name."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
COMMANDS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))


def test_no_command_is_taken_for_a_file():
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.M)
    assert set(phony.split()) == COMMANDS


def test_help_shows_every_command():
    shown = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
    assert COMMANDS - shown == {"check"}  # another name of test


def test_down_and_clean_all_reach_every_data_folder_that_up_was_called_with(tmp_path):
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    for name in ("pyproject.toml", "README.md", "requirements/core.txt", "requirements/stack.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    program = tmp_path / ".venv" / "bin" / "psylite"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$1 in ${PSYLITE_DATA_DIR:-the usual one}"\n')
    program.chmod(0o755)
    (tmp_path / ".venv" / "stamps").mkdir()
    for name in ("venv", "core", "package", "stack"):
        (tmp_path / ".venv" / "stamps" / name).touch()
    clean = {name: value for name, value in os.environ.items() if name != "PSYLITE_DATA_DIR"}

    def make(command: str, **environment: str) -> list[str]:
        done = subprocess.run(
            ["make", "--silent", command], cwd=tmp_path, env={**clean, **environment}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if not line.endswith(":")]

    assert make("up") == ["up in the usual one"]
    for _ in range(2):
        assert make("up", PSYLITE_DATA_DIR="/a b") == ["up in /a b"]
    assert make("down") == ["down in the usual one", "down in /a b"]
    assert make("down", PSYLITE_DATA_DIR="/a b") == ["down in /a b"]
    assert make("clean-all") == ["clean in the usual one", "clean in /a b"]
    assert not program.exists()
