"""docs/architecture.md tells somebody new where things are: what it names is there, every file of the core is named."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "psylite_pipeline"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([\w/.-]+\.(?:py|md))`", PAGE))


def test_every_file_of_the_core_is_named():
    rooms = [PACKAGE, *(PACKAGE / room for room in ("risk", "humour", "replies", "host"))]
    core = {path.name for room in rooms for path in room.glob("*.py")} - {"__init__.py"}
    assert not (new := core - {Path(name).name for name in NAMED}), f"say in docs/architecture.md what is in {new}"


def test_every_file_that_is_named_is_there():
    files = {path.name for path in PACKAGE.rglob("*.py")}
    for name in NAMED:
        assert (ROOT / name).is_file() or (PACKAGE / name).is_file() or ("/" not in name and name in files), name


def test_every_folder_that_is_named_is_there():
    for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*)/`", PAGE):
        assert (ROOT / name).is_dir() or (PACKAGE / name).is_dir(), name
