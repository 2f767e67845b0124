"""What a model is asked: dialogues with gold history, and scripted talks. Read from files, checked, frozen."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from psylite_pipeline.errors import EvaluationError
from psylite_pipeline.files import json_lines

Message = Mapping[str, str]
T = TypeVar("T")

PERSONAS = ("none", "idiom", "third_person", "concern", "denial", "high", "imminent")
"""Who speaks in a scripted talk, from no danger to danger now."""

_SPEAKERS = {"求助者": "user", "支持者": "assistant", "user": "user", "bot": "assistant"}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One talk with gold answers. `groups` says which tables it counts in: topic, or dimension and attack."""

    id: str
    messages: tuple[Message, ...]
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One answer that is asked for: the talk up to the client's turn `number` (from 1), with the gold history."""

    id: str
    talk: str
    number: int
    messages: tuple[Message, ...]
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Talk:
    """A scripted talk: only the person's turns are fixed, the model's own answers stand between them.

    `disclosed` is the number (from 1) of the first turn in which danger can be read, 0 where there never is.
    """

    id: str
    lang: str
    persona: str
    disclosed: int
    turns: tuple[str, ...]


def cpsycoune(path: Path) -> list[Dialogue]:
    """Cases of CPsyCounE: the published folder, or JSON lines {"id", "label", "messages"}. Raises EvaluationError."""
    return [Dialogue(str(row["id"]), _messages(row), {"topic": str(row["label"])}) for row in _rows(path, "label")]


def safedialbench(path: Path) -> list[Dialogue]:
    """Dialogues of SafeDialBench: the published files, one or a folder of them, or JSON lines {"id", "label", "method",
    "messages"}. Raises EvaluationError."""
    return [
        Dialogue(str(row["id"]), _messages(row), {"dimension": str(row["label"]), "attack": str(row["method"])})
        for row in _rows(path, "label", "method")
    ]


def questions(dialogues: Sequence[Dialogue]) -> list[Question]:
    """One question for each client turn of each dialogue; what the gold counsellor said before it is the history."""
    return [
        Question(f"{one.id}#{number}", one.id, number, one.messages[: place + 1], one.groups)
        for one in dialogues
        for number, place in enumerate(_client_turns(one.messages), 1)
    ]


def talks(folder: Path) -> list[Talk]:
    """The scripted talks in the TOML files of `folder`. Raises EvaluationError naming file, talk and field."""
    found: list[Talk] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EvaluationError(f"{path.name} cannot be read as TOML: {error}") from None
        found += [_talk(path.name, entry) for entry in table.get("talk", [])]
    if not found:
        raise EvaluationError(f"No talks in {folder}: it needs TOML files with [[talk]] tables.")
    if len({talk.id for talk in found}) < len(found):
        raise EvaluationError(f"Two talks in {folder} have the same id; give each its own.")
    return found


def some(items: Sequence[T], limit: int, seed: int) -> list[T]:
    """`limit` of the items by chance of `seed`, in their own order; all of them where `limit` is 0 or larger."""
    if not limit or limit >= len(items):
        return list(items)
    kept = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[place] for place in kept]


def _client_turns(messages: Sequence[Message]) -> Iterator[int]:
    return (place for place, message in enumerate(messages) if message["role"] == "user")


def published(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of an evaluation set and where it stands: of a file, or of all files of a folder.

    Talks as CPsyCounE and SafeDialBench publish them become {"id", "label", "messages"}; other rows (C-Eval's, ours)
    stay as they are. Parquet needs pyarrow. Raises EvaluationError.
    """
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if one.suffix in {".json", ".jsonl", ".parquet"}:
                yield from published(one)
    elif path.suffix == ".json":
        yield str(path), _case(path)
    elif path.suffix == ".parquet":
        from pyarrow import parquet

        yield from ((str(path), row) for row in parquet.read_table(path).to_pylist())
    else:
        for number, row in json_lines(path, EvaluationError):
            place = f"{path.name}, line {number}"
            yield place, _dialogue(place, row) if "history" in row else row


def _case(path: Path) -> dict[str, Any]:
    """One file of CPsyCounE: a list of what was said, each with its speaker before it; the folder is the topic."""
    try:
        said = [line.partition("：") for line in json.loads(path.read_text(encoding="utf-8"))]
        messages = [{"role": _SPEAKERS[who], "content": words} for who, _, words in said]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is no case of CPsyCounE ({type(error).__name__}).") from None
    return {"id": f"{path.parent.name}/{path.stem}", "label": path.parent.name, "messages": messages}


def _dialogue(place: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """One line of SafeDialBench: its dimension is called `task`, ids are unique within one, a turn holds both sides."""
    try:
        said = [(_SPEAKERS[who], words) for turn in row["history"] for who, words in turn.items() if words]
    except (KeyError, TypeError, AttributeError):
        raise EvaluationError(f"{place}: no history as SafeDialBench writes it.") from None
    messages = [{"role": role, "content": words} for role, words in said]
    return {**row, "id": f"{row.get('task')}-{row.get('id')}", "label": row.get("task"), "messages": messages}


def _rows(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for place, row in published(path):
        if missing := [name for name in ("id", "messages", *fields) if row.get(name) is None]:
            raise EvaluationError(f"{place}: {', '.join(missing)} is missing.")
        if str(row["id"]) in seen:
            raise EvaluationError(f"{place}: the id {row['id']} stands there twice.")
        seen.add(str(row["id"]))
        yield row
    if not seen:
        raise EvaluationError(f"{path} holds no row. Give the file or folder with --data.")


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    try:
        messages = tuple({"role": str(m["role"]), "content": str(m["content"])} for m in row["messages"])
    except (KeyError, TypeError):
        raise EvaluationError(f"Dialogue {row['id']}: every message needs role and content.") from None
    if not any(m["role"] == "user" for m in messages) or any(m["role"] not in {"user", "assistant"} for m in messages):
        raise EvaluationError(f"Dialogue {row['id']}: roles must be user and assistant, with a user's turn.")
    return messages


def _talk(file: str, entry: Mapping[str, Any]) -> Talk:
    name = entry.get("id", "without an id")
    try:
        talk = Talk(
            str(entry["id"]), str(entry["lang"]), str(entry["persona"]), int(entry["disclosed"]), tuple(entry["turns"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(f"{file}, talk {name}: {error} is missing or of the wrong kind.") from None
    if talk.persona not in PERSONAS:
        raise EvaluationError(f"{file}, talk {name}: the persona must be one of {', '.join(PERSONAS)}.")
    if not 0 <= talk.disclosed <= len(talk.turns) or not talk.turns:
        raise EvaluationError(f"{file}, talk {name}: `disclosed` must be a turn's number, or 0.")
    if bool(talk.disclosed) == (talk.persona in {"none", "idiom"}):
        raise EvaluationError(f"{file}, talk {name}: `disclosed` is 0 for the personas none and idiom, and only there.")
    return talk
