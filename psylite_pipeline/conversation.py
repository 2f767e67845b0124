"""A host's request body as turns of plain text. Tolerates anything a host, an API caller or an attacker may send."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from psylite_pipeline.decision import Kind, Risk, Route
from psylite_pipeline.messages import message_of, plain
from psylite_pipeline.tasks import BACKGROUND_TASKS

Speaker = Literal["user", "assistant"]

T = TypeVar("T")

#: Key in the request body under which our own inlets pass what a pipe is not told otherwise.
CARRIED = "psylite"

#: Roles whose text nobody typed as a turn of the talk. Every other role that is not the assistant is judged as
#: the person's own words, so that an invented role cannot carry a sentence past the judgement.
_BACKGROUND_ROLES = frozenset({"system", "developer", "tool", "function"})

# Only the assistant's text is cleaned of hidden blocks; a person's words are judged whole, forged tags and all.
_TAG = re.compile(r"<(/?)(think|details)\b", re.IGNORECASE)
# The lookbehind and the possessive `*+` keep a storm of line breaks linear.
_MARKER = re.compile(r"(?<!\n)\n*+\[//\]: # \(psylite ([a-z0-9-]{1,80})\)")
# As `folded` writes it: a model's own folded blocks, and those of other plugins, are no snippets.
_SNIPPET = re.compile(r"<details>\n<summary>[^\n<·]++· [^<]*+</summary>\n\n")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `text` is plain text without hidden blocks; `raw` is what stood in the message."""

    speaker: Speaker
    text: str
    raw: str
    has_image: bool = False


@dataclass(frozen=True, slots=True)
class Floor:
    """What a filter in front already judged. A later judgement may raise it, never lower it. `kind` is whose danger it
    is, where nothing is heard of it here."""

    risk: Risk = Risk.NONE
    route: Route | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One talk up to now. `system` is the host's own system text, `task` the background task's name, if any. `seed`
    is a number of its own for each talk of a host that tells them apart, and chooses among what is as good."""

    turns: tuple[Turn, ...] = ()
    system: str = ""
    task: str | None = None
    floor: Floor = Floor()
    seed: int = 0

    @classmethod
    def from_body(cls, body: Mapping[str, Any], messages: Sequence[Any] | None = None) -> Conversation:
        """Read a chat request body; `messages`, where given, stands for the body's own. Never raises."""
        body = body if isinstance(body, Mapping) else {}
        raw_messages = body.get("messages") if messages is None else messages
        turns: list[Turn] = []
        system: list[str] = []
        for given in raw_messages if isinstance(raw_messages, list | tuple) else ():
            message = message_of(given)
            if message is None:
                continue
            role = message.get("role")
            role = role.strip().lower() if isinstance(role, str) else ""
            text, has_image = plain(message.get("content"))
            if role in _BACKGROUND_ROLES:
                if role in {"system", "developer"} and text:
                    system.append(text)
            elif role == "assistant":
                turns.append(Turn("assistant", without_hidden_blocks(text), text))
            else:
                images = message.get("images")
                turns.append(Turn("user", text, text, has_image or bool(images)))
        return cls(tuple(turns), "\n\n".join(system), _task(body), _floor(body), _seed(body))

    @property
    def last(self) -> Turn | None:
        """The person's last turn."""
        return next((turn for turn in reversed(self.turns) if turn.speaker == "user"), None)

    @property
    def said(self) -> tuple[str, ...]:
        """The person's turns, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.speaker == "user")

    @property
    def answered(self) -> tuple[str, ...]:
        """The assistant's turns as they stood in the history, oldest first."""
        return tuple(turn.raw for turn in self.turns if turn.speaker == "assistant")

    def map_answers(self, change: Callable[[str], str]) -> Conversation:
        """The same talk with each of the assistant's texts changed."""
        turns = tuple(
            replace(turn, text=change(turn.text)) if turn.speaker == "assistant" else turn for turn in self.turns
        )
        return replace(self, turns=turns)


def without_hidden_blocks(text: str) -> str:
    """An assistant's text without reasoning, folded blocks and our own markers. Linear in the length of `text`."""
    if "<" not in text and "[//]" not in text:  # most texts of a long talk
        return text.strip()
    kept: list[str] = []
    depth = start = 0
    for tag in _TAG.finditer(text):
        if tag.start() < start:
            continue
        closes = bool(tag.group(1))
        if depth == 0:
            if closes and tag.group(2).lower() == "think":
                kept.clear()  # some chat templates put the opening tag into the prompt: all before was reasoning
            elif not closes or tag.group(2).lower() == "details":
                kept.append(text[start : tag.start()])
        depth = max(0, depth - 1) if closes else depth + 1
        if depth == 0:
            end = text.find(">", tag.end())
            start = len(text) if end < 0 else end + 1
    if depth == 0:
        kept.append(text[start:])
    return _MARKER.sub("", "".join(kept)).strip()


def unended(text: str) -> str:
    """What ends the folded blocks and the comment that begin in `text` and do not end: they would hide what is shown
    below it. "" where there are none."""
    depth = 0
    for tag in _TAG.finditer(text):
        if tag.group(2).lower() == "details":
            depth = max(0, depth - 1) if tag.group(1) else depth + 1
    comment = " -->" if text.rfind("<!--") > text.rfind("-->") else ""
    return comment + "\n\n</details>" * depth


def folded(summary: str, title: str, lines: str) -> str:
    """A snippet as an answer shows it, folded; no argument may hold a tag."""
    return f"<details>\n<summary>{summary} · {title}</summary>\n\n{lines}\n\n</details>"


def marker(snippet_id: str) -> str:
    """A line that Markdown does not show and that tells a later turn which snippet was used."""
    return f"\n\n[//]: # (psylite {snippet_id})"


def marked(text: str) -> tuple[str, ...]:
    """Snippet ids that markers in an assistant's text name."""
    return tuple(_MARKER.findall(text))


def shows_snippet(text: str) -> bool:
    """Whether an assistant's text, as it stands in the history, offered a snippet of ours, folded or named by a
    marker."""
    return bool(_SNIPPET.search(text) or marked(text))


def _task(body: Mapping[str, Any]) -> str | None:
    """The host's background task. Known by metadata alone, never by text."""
    carried, metadata = body.get(CARRIED), body.get("metadata")
    for source in (carried, metadata):
        if isinstance(source, Mapping):
            task = source.get("task")
            if isinstance(task, str) and task in BACKGROUND_TASKS:
                return task
    return None


def _seed(body: Mapping[str, Any]) -> int:
    carried = body.get(CARRIED)
    seed = carried.get("seed") if isinstance(carried, Mapping) else None
    return seed if isinstance(seed, int) else 0


def _floor(body: Mapping[str, Any]) -> Floor:
    carried = body.get(CARRIED)
    if not isinstance(carried, Mapping):
        return Floor()
    kind = _parsed(Kind, carried.get("kind"))
    return Floor(
        _parsed(Risk.parse, carried.get("risk")) or Risk.NONE,
        _parsed(Route, carried.get("route")),
        None if kind is Kind.HARMFUL_REQUEST else kind,  # which is no danger
    )


def _parsed(parse: Callable[[str], T], value: Any) -> T | None:
    try:
        return parse(value) if isinstance(value, str) else None
    except (KeyError, ValueError):
        return None
