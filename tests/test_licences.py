"""docs/licences.md is of the locks as they are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_package_that_is_shipped_stands_in_the_list_with_its_version_and_licence():
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (\d[\w.+!-]*) \| [^|]{2,} \|$", page, re.MULTILINE))
    shipped = {
        match[1]: match[2]
        for lock in ("core", "stack")
        for match in re.finditer(
            r"^([\w.-]+)(?:\[.*\])?==([^ ;\\]+)",
            (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }
    assert len(shipped) > 30
    assert listed == shipped, "run `make licences`"
