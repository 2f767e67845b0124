"""The guides in the two languages tell an admin the same commands and settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"


def _names(page: str) -> set[str]:
    """Settings, and the commands that are written out."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(
        re.findall(r"\b[A-Z]+_[A-Z_]+\b|docker compose [a-z]+|[`\n]make [a-z-]+|psylite [a-z]+(?: --[a-z-]+)?", text)
    )


@pytest.mark.parametrize("page", ["docker", "guide"])
def test_both_languages_name_the_same_settings_and_commands(page: str) -> None:
    english, chinese = _names(f"{page}.md"), _names(f"{page}.zh.md")
    assert english - chinese == set()
    assert chinese - english == set()
