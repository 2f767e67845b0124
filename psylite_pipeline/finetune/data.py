"""Rows to train on, from JSON lines in the layouts that public sets come in.

A row to learn from is a talk and the one answer that is learnt; a pair is a talk, the better and the worse answer.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import RecipeError
from psylite_pipeline.files import json_lines
from psylite_pipeline.model import parted

Message = Mapping[str, str]

_ROLES = {
    "user": "user", "human": "user", "client": "user", "assistant": "assistant", "gpt": "assistant",
    "counselor": "assistant", "counsellor": "assistant", "system": "system",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to learn. `thoughts` is the reasoning before it, "" where there is none yet."""

    id: str
    kind: str
    prompt: tuple[Message, ...]
    answer: str
    thoughts: str = ""

    @property
    def completion(self) -> str:
        """What the model is to write: reasoning in its tags, then the answer."""
        return f"<think>\n{self.thoughts.strip()}\n</think>\n\n{self.answer}" if self.thoughts else self.answer

    @property
    def text(self) -> str:
        """Everything that is compared when twins and leaks are looked for."""
        return "\n".join([*(message["content"] for message in self.prompt if message["role"] == "user"), self.answer])

    @property
    def letters(self) -> int:
        """How long it is, reasoning included, earlier answers not."""
        return len(self.text) + len(self.thoughts)


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference: the same talk, a better and a worse answer."""

    id: str
    prompt: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def text(self) -> str:
        """Everything that is compared when twins and leaks are looked for."""
        return "\n".join([*(message["content"] for message in self.prompt), self.chosen])

    @property
    def letters(self) -> int:
        """How long its longer side is."""
        return len(self.text) + max(0, len(self.rejected) - len(self.chosen))


def rows(path: Path, kind: str, seed: int = 1) -> Iterator[Row]:
    """The rows of `path`; of a talk with several answers, one is drawn by the seed and the talk's own text.

    Knows messages or conversations, instruction/input/output with or without history, XTuner's conversation
    of input/output, prompt/response, question/answer, and input/reasoning_content/content (distilled sets).
    Raises RecipeError naming file and line.
    """
    for number, raw in json_lines(path, RecipeError):
        try:
            yield _row(raw, kind, seed)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise RecipeError(f"{path.name}, line {number}: no layout that is known here (model/README.md).") from None


def pairs(path: Path) -> Iterator[Pair]:
    """The preferences of `path`: chosen and rejected, answers or whole talks, with prompt or question beside them or in
    them; or PKU-SafeRLHF's two responses with the safer one named.

    Raises RecipeError naming file and line.
    """
    for number, raw in json_lines(path, RecipeError):
        try:
            if "chosen" in raw:
                prompt = raw.get("prompt") or raw.get("question") or _before(raw["chosen"])
                chosen, rejected = _last(raw["chosen"]), _last(raw["rejected"])
            else:
                better = int(raw["safer_response_id"] if "safer_response_id" in raw else raw["better_response_id"])
                prompt, chosen, rejected = raw["prompt"], raw[f"response_{better}"], raw[f"response_{1 - better}"]
            asked = (_message("user", prompt),) if isinstance(prompt, str) else _messages(prompt)
            if not asked or not chosen.strip() or not rejected.strip() or chosen.strip() == rejected.strip():
                continue  # an empty or equal pair teaches nothing
            yield Pair(_id(str(asked) + chosen + rejected), asked, chosen.strip(), rejected.strip())
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise RecipeError(f"{path.name}, line {number}: no pair that is known here (model/README.md).") from None


def write(path: Path, found: Iterable[Row | Pair]) -> int:
    """Write in trl's own layout (prompt and completion, or prompt, chosen and rejected). Returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as target:
        for one in found:
            target.write(json.dumps(as_json(one), ensure_ascii=False) + "\n")
            count += 1
    return count


def as_json(one: Row | Pair) -> dict[str, Any]:
    """`one` as a line of a training file."""
    prompt = [dict(message) for message in one.prompt]
    if isinstance(one, Pair):
        sides = {"chosen": [_message("assistant", one.chosen)], "rejected": [_message("assistant", one.rejected)]}
        return {"id": one.id, "prompt": prompt, **sides}
    return {"id": one.id, "kind": one.kind, "prompt": prompt, "completion": [_message("assistant", one.completion)]}


def _row(raw: Mapping[str, Any], kind: str, seed: int) -> Row:
    if "completion" in raw and isinstance(raw["completion"], list):
        text, thoughts = parted(raw["completion"][-1]["content"])
        prompt = _messages(raw["prompt"])
        return Row(str(raw.get("id") or _id(str(prompt) + text)), str(raw.get("kind", kind)), prompt, text, thoughts)
    if talk := raw.get("messages") or raw.get("conversations"):
        return _from_talk(_messages(talk), kind, seed)
    if turns := raw.get("conversation"):
        return _from_talk(_taken_in_turns((turn["input"], turn["output"]) for turn in turns), kind, seed)
    if "reasoning_content" in raw:
        return _single(raw["input"], raw["content"], kind, raw["reasoning_content"])
    if "output" in raw:
        extra = raw.get("input") or ""
        asked = raw["instruction"] + (f"\n{extra}" if extra else "")
        if history := raw.get("history"):
            return _from_talk(_taken_in_turns([*history, (asked, raw["output"])]), kind, seed)
        return _single(asked, raw["output"], kind)
    if "response" in raw:
        return _single(raw["prompt"], raw["response"], kind)
    return _single(raw["question"], raw["answer"], kind)


def _single(question: str, answer: str, kind: str, thoughts: str = "") -> Row:
    text, inside = parted(answer)
    if not question.strip() or not text:
        raise ValueError
    return Row(_id(question + text), kind, (_message("user", question.strip()),), text, (thoughts or inside).strip())


def _from_talk(talk: tuple[Message, ...], kind: str, seed: int) -> Row:
    answers = [n for n, message in enumerate(talk) if n and message["role"] == "assistant"]
    name = _id(str(talk))
    place = random.Random(f"{seed}{name}").choice(answers)
    text, thoughts = parted(talk[place]["content"])
    if not text:
        raise ValueError
    # Earlier answers stand without their reasoning, as they will when the model is used.
    before = tuple(
        _message(m["role"], parted(m["content"])[0] if m["role"] == "assistant" else m["content"]) for m in talk[:place]
    )
    return Row(name, kind, before, text, thoughts)


def _taken_in_turns(pairs: Iterable[Sequence[str]]) -> tuple[Message, ...]:
    return tuple(
        _message(role, text.strip())
        for asked, answered in pairs
        for role, text in (("user", asked), ("assistant", answered))
    )


def _messages(talk: Any) -> tuple[Message, ...]:
    return tuple(
        _message(_ROLES[str(m.get("role", m.get("from"))).lower()], str(m.get("content", m.get("value"))).strip())
        for m in talk
    )


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _last(answer: Any) -> str:
    return answer if isinstance(answer, str) else str(answer[-1]["content"])


def _before(talk: Any) -> Any:
    """What was said before the last answer of a talk that holds its own prompt."""
    if isinstance(talk, str):
        raise ValueError
    return talk[:-1]


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
