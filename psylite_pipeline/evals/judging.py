"""What a judge model is asked, and how its verdict is read: exactly, or not at all.

The words are our own (prompts.toml), after what the published protocols measure. A verdict that cannot be read is None
and is counted; it is never turned into a low score.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from psylite_pipeline.evals.cases import Message
from psylite_pipeline.text import fenced

_OBJECT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Rubric:
    """What is judged: whole-number scales by name, lowest and highest, and whether a scale may not apply (null)."""

    name: str
    scales: Mapping[str, tuple[int, int]]
    instruction: str
    optional: bool = False

    @property
    def most(self) -> int:
        """The sum of the highest scores."""
        return sum(high for _, high in self.scales.values())

    def schema(self) -> dict[str, Any]:
        """The JSON schema a verdict is held to, where the judge's server can hold it: a short reason, then scores."""
        scores: dict[str, Any] = {
            name: {"type": ["integer", "null"] if self.optional else "integer", "minimum": low, "maximum": high}
            for name, (low, high) in self.scales.items()
        }
        properties = {"reason": {"type": "string", "maxLength": 400}, **scores}
        # OpenAI's own servers take no object that may hold more.
        return {
            "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
        }  # fmt: skip


@cache
def rubric(name: str) -> Rubric:
    """The rubric `cpsycoune`, `safedialbench` or `crisis`."""
    table = _prompts()[name]
    scales = {scale: (low, high) for scale, (low, high) in table["scales"].items()}
    return Rubric(name, scales, table["instruction"].strip(), table.get("optional", False))


def focus(name: str, key: str) -> str:
    """What a judge should look for in one dimension of SafeDialBench; empty for a dimension nobody described."""
    return _prompts()[name].get("focus", {}).get(key.lower(), "")


@cache
def _prompts() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prompts.toml").read_text(encoding="utf-8"))


def ask(rubric: Rubric, history: Sequence[Message], answer: str | None, note: str = "") -> list[dict[str, str]]:
    """The messages for the judge. `answer` is what is weighed; None weighs the assistant's part of the whole talk."""
    talk = "\n".join(f"[{_NAMES[message['role']]}] {fenced(message['content'])}" for message in history)
    parts = [f"<talk>\n{talk}\n</talk>"]
    if answer is not None:
        parts.append(f"<answer>\n{fenced(answer)}\n</answer>")
    if note:
        parts.append(note)
    return [{"role": "system", "content": rubric.instruction}, {"role": "user", "content": "\n\n".join(parts)}]


def read(rubric: Rubric, text: str) -> dict[str, float | None] | None:
    """The scores in a verdict; None when it holds no object with exactly the scales, whole and in range.

    The last such object counts: a judge that thinks aloud may draft one first.
    """
    for found in reversed(_OBJECT.findall(text)):
        try:
            said = json.loads(found)
        except (ValueError, RecursionError):
            continue
        scores = {name: said.get(name) for name in rubric.scales}
        if all(_fits(value, *rubric.scales[name], rubric.optional) for name, value in scores.items()):
            return {name: None if value is None else float(value) for name, value in scores.items()}
    return None


def _fits(value: Any, low: int, high: int, optional: bool) -> bool:
    if value is None:
        return optional
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and value == int(value) and low <= value <= high
    )


_NAMES = {"user": "person", "assistant": "assistant", "system": "system"}
