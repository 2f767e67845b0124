"""Tables for docs/reference.md, made from the code and the data. `make docs` writes them, `make test` checks them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

from psylite_pipeline.host.valves import FilterValves
from psylite_pipeline.settings import Preferences, Settings

ROOT = Path(__file__).resolve().parent.parent


def valves() -> str:
    """Every valve with its choices and default."""
    rows = ["| valve | title | choices | default | what it does |", "|---|---|---|---|---|"]
    for name, field in FilterValves.model_fields.items():
        where = "" if name in Preferences.model_fields else " (filter only)"
        rows.append(
            f"| `{name}` | {field.title}{where} | {_choices(field)} | {_shown(field.default)} | {field.description} |"
        )
    return "\n".join(rows)


#: What each valve does, for the Chinese guide. A valve without a line here fails `make docs`.
_VALVES_ZH = {
    "model": "回答用的 Ollama 模型的名字。留空：用服务器自己的（PSYLITE_MODEL）。",
    "sensitivity": "high：只要有一点点迹象，就用更小心的方式回答。词典里的规则始终有效。",
    "humour": "谈话安全、轻松的时候，附上一小段相声。",
    "humour_every": "1 到 50。两段相声之间至少隔几轮；主动要听笑话的人不用等。",
    "calm_turns": "1 到 20。要先过去几轮没有危险、悲伤、害怕和愤怒的话，才会再有幽默。",
    "show_snippet": "把相声放在回答下面的折叠块里，并标明出处。",
    "show_thinking": "折叠显示模型的思考。有人可能有危险时始终隐藏。",
    "region": "热线属于哪个地区。auto：按对方说自己在哪里，没说就按谈话的语言。",
    "language": "固定回复用的语言。auto：对方写什么语言就用什么语言。",
    "judge": "拿不准的时候再问一次模型。需要 7B 以上的模型，会多花时间。",
    "judge_model": "做判断的模型。留空：用回答的那个。",
    "judge_seconds": "0.5 到 120 秒。超时就按更安全的处理。",
    "reminder_every": "0 到 500。每隔几轮提醒一次这是 AI；0：从不。",
    "first_piece_seconds": "5 到 1800 秒。没有显卡的笔记本读一段长对话可能要几分钟。",
    "silence_seconds": "2 到 600 秒。回答中途最多沉默多久。",
    "pipelines": "这个过滤器守在哪些模型前面，* 或留空表示全部。PsyLite 自己会跳过。",
    "priority": "过滤器按这个数字从小到大依次运行。",
}

_ZH = {
    "text": "文字", "whole number": "整数", "number": "数字", "list": "列表",
    "on, off": "开、关", "on": "开", "off": "关",
    "(empty)": "（空）",
}  # fmt: skip


def valves_zh() -> str:
    """Every valve as the page shows it, explained in Chinese."""
    rows = ["| 页面上的名字 | 可选 | 默认 | 作用 |", "|---|---|---|---|"]
    for name, field in FilterValves.model_fields.items():
        where = "" if name in Preferences.model_fields else "（仅过滤器）"
        choices, default = (_ZH.get(text, text) for text in (_choices(field), _shown(field.default)))
        rows.append(f"| {field.title}{where} | {choices} | {default} | {_VALVES_ZH[name]} |")
    return "\n".join(rows)


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
