"""Every command of the Makefile runs each time it is asked for, whatever folder happens to bear its name, and the
commands that people are told to type are there."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
COMMANDS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))


def test_no_command_is_taken_for_a_file():
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.M)
    assert set(phony.split()) == COMMANDS


def test_help_shows_every_command():
    shown = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
    assert COMMANDS - shown == {"check"}  # another name of test


@pytest.mark.parametrize("path", ["psylite_pipeline/stack", "psylite_pipeline/doctor.py"])
def test_nobody_is_told_to_type_a_psylite_that_is_on_no_path(path):
    files = [ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py")
    for file in files:
        tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        told = [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        typed = re.compile(r"(?:: |[Rr]un `|with `)psylite (?:up|down|doctor)")
        assert not [text for text in told if typed.search(text)], file


@pytest.mark.parametrize("guide", ["README.md", "README.zh.md", "docs/guide.md", "docs/guide.zh.md"])
def test_the_commands_in_the_guides_can_be_typed(guide):
    """`psylite doctor` alone is the name of a thing; in Docker it is on the PATH."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    assert not re.findall(r"`psylite [a-z]+ [^`]+`", text)


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
