"""The guides in the two languages tell the same commands and settings; what the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.settings import Preferences

DOCS = Path(__file__).resolve().parent.parent / "docs"
README = pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])


def _readme(name: str) -> str:
    return (DOCS.parent / name).read_text(encoding="utf-8")


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


@README
def test_the_turns_of_the_readme_go_where_it_says(parts, readme: str) -> None:
    counsellor = parts.counsellor("http://127.0.0.1:9")
    shown = re.findall(r"^(\S.*?) +→ ([A-Z]+) ", _readme(readme), re.M)
    assert {route for _, route in shown} == {"HUMOUR", "PLAIN", "SUPPORT", "CRISIS", "DECLINE"}
    for said, route in shown:
        body = {"messages": [{"role": "user", "content": said}]}
        assert counsellor.decide(Conversation.from_body(body), Preferences()).route.name == route, said


@README
def test_the_crisis_turn_of_the_readme_is_word_for_word(chat, readme: str) -> None:
    quoted = "\n".join(line[1:].strip() for line in re.findall(r"^>.*", _readme(readme), re.M))
    said, *answer = re.sub(r"(?<=\S)\n(?=\S)", " ", quoted).split("\n\n")
    assert chat.user(said.strip("*")).shown.split("\n\n") == answer
