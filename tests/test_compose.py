"""The compose file and its settings agree. What containers really do is in stack_tests/."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SET = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.M))


def test_every_setting_of_the_compose_file_stands_in_the_example_and_nothing_else():
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    assert asked == SET.keys() - {"COMPOSE_PROJECT_NAME"}


def test_the_defaults_agree():
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE):
        assert SET[name] == default, name


def test_both_secrets_are_demanded_and_none_is_given():
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    assert demanded == {"PIPELINES_API_KEY", "WEBUI_SECRET_KEY"}
    assert all(SET[name] == "" for name in demanded)
    assert "0p3n-w3bu!" not in COMPOSE + EXAMPLE
