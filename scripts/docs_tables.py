"""Tables for docs/reference.md, made from the code and the data. `make docs` writes them, `make test` checks them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

from psylite_pipeline.host.valves import FilterValves, PipeValves
from psylite_pipeline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def valves() -> str:
    """Every valve with its choices and default."""
    rows = ["| valve | title | choices | default | what it does |", "|---|---|---|---|---|"]
    for name, field in FilterValves.model_fields.items():
        where = _WHERE[_plugins(name)][0]
        title, does = _told(field)[0]
        rows.append(f"| `{name}` | {title}{where} | {_choices(field)} | {_shown(field.default)} | {does} |")
    return "\n".join(rows)


_WHERE = {
    frozenset({"pipe", "filter"}): ("", ""),
    frozenset({"pipe"}): (" (pipe only)", "（仅 pipe）"),
    frozenset({"filter"}): (" (filter only)", "（仅过滤器）"),
}

_ZH = {
    "text": "文字", "whole number": "整数", "number": "数字", "list": "列表",
    "on, off": "开、关", "on": "开", "off": "关",
    "(empty)": "（空）",
}  # fmt: skip


def valves_zh() -> str:
    """Every valve, explained in Chinese."""
    rows = ["| 名字 | 可选 | 默认 | 作用 |", "|---|---|---|---|"]
    for name, field in FilterValves.model_fields.items():
        where = _WHERE[_plugins(name)][1]
        choices, default = (_ZH.get(text, text) for text in (_choices(field), _shown(field.default)))
        title, does = _told(field)[1]
        rows.append(f"| {title}{where} | {choices} | {default} | {does} |")
    return "\n".join(rows)


def _plugins(valve: str) -> frozenset[str]:
    """Whose page shows a valve."""
    pages = {"pipe": PipeValves, "filter": FilterValves}
    return frozenset(one for one, valves in pages.items() if valve in valves.model_json_schema()["properties"])


def _told(field: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    """Title and description of a valve in English, and in Chinese: the page shows both at once."""
    english, chinese = zip(field.title.split(" · "), field.description.split("\n"), strict=True)
    return english, chinese


def settings() -> str:
    """Every environment variable with its default."""
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"PSYLITE_{name.upper()}"
        default = "(computed)" if field.default_factory else _shown(field.default)
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(rows)


def helplines() -> str:
    """Every helpline with its hours, source and the source's date."""
    table = tomllib.loads((ROOT / "knowledge" / "replies" / "helplines.toml").read_text(encoding="utf-8"))
    rows = ["| place | number | kind | hours | source | its date | checked |", "|---|---|---|---|---|---|---|"]
    for line in table["helpline"]:
        hours = line["hours"]["en"] or "not stated"
        dated = line["source_date"] or "none given"
        rows.append(
            f"| {line['place']['en']} ({', '.join(line['regions'])}) | {line['number']} | {line['kind']} | {hours} "
            f"| {line['source']} | {dated} | {line['checked']} |"
        )
    return "\n".join(rows)


def command(*arguments: str) -> str:
    """The help text of a command, eighty columns wide."""
    done = subprocess.run(
        [sys.executable, "-c", "from psylite_pipeline.cli import main; main()", *arguments, "--help"],
        capture_output=True, text=True, check=True, encoding="utf-8",
        env={"COLUMNS": "88", "TERM": "dumb", "NO_COLOR": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT),
             "PYTHONIOENCODING": "utf-8", "HOME": "/nonexistent"},
    ).stdout  # fmt: skip
    lines = [line.rstrip() for line in done.strip().splitlines()]
    return "```text\n" + "\n".join(lines) + "\n```"


def _choices(field: Any) -> str:
    if get_origin(field.annotation) is not None and all(isinstance(one, str) for one in get_args(field.annotation)):
        return ", ".join(get_args(field.annotation))
    return {bool: "on, off", int: "whole number", float: "number", str: "text"}.get(field.annotation, "list")


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"`{default}`" if default not in ("", None) else "(empty)"
