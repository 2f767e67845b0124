"""Parts whose answers a test writes down: rules and classifier by keyword, encoders of any size, a model by script."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from psylite_pipeline.answers import Answers, Backend
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.errors import EncoderError, ModelError
from psylite_pipeline.humour.searching import SnippetIndex
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.model import Thought, Waiting, Words
from psylite_pipeline.opening import open_prompts, open_replies
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.reading import Finding, Question, Reading
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds
from psylite_pipeline.settings import Settings, bundled

#: What a keyword in a turn means to `KeywordRules`.
KEYWORDS = {
    "NOW": Finding("t.now", Risk.IMMINENT, Kind.SELF_HARM, ""),
    "DIE": Finding("t.die", Risk.HIGH, Kind.SELF_HARM, ""),
    "BEATEN": Finding("t.beaten", Risk.HIGH, Kind.ABUSE, ""),
    "WORRY": Finding("t.worry", Risk.CONCERN, Kind.SELF_HARM, ""),
    "ONCE": Finding("t.once", Risk.CONCERN, Kind.SELF_HARM, "", softened=True),
    "THEIRS": Finding("t.theirs", Risk.HIGH, Kind.SOMEONE_ELSE, ""),
    "FRIEND": Finding("t.friend", Risk.CONCERN, Kind.SOMEONE_ELSE, ""),
    "BOMB": Finding("t.bomb", Risk.NONE, Kind.HARMFUL_REQUEST, ""),
    "GRIEF": Finding("t.grief", Risk.NONE, None, "grief"),
    "JOKE": Finding("t.joke", Risk.NONE, None, "joke_request"),
    "KIDDING": Finding("t.kidding", Risk.NONE, None, "retraction"),
}


class KeywordRules:
    """A lexicon of the keywords above. An assistant asks about danger with the word ASK."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        found = [finding for word, finding in KEYWORDS.items() if word in text]
        return tuple(sorted(found, key=lambda finding: -finding.level))

    def read(self, text: str) -> Reading:
        return Reading(
            self.findings(text),
            frozenset(one for one in Told if re.search(rf"TOLD {one}\b", text)),
            text.removeprefix("no, ") if text.startswith("no, ") else "" if text == "no" else None,
            yes=text == "yes",
            answers_nothing="WHY" in text,
            everyday="CARD" in text,
            errand="ERRAND" in text,
            passing="PASSING" in text,
            of_a_joke=text in ("再来", "AHA"),
            of_another="OF HER" in text,
        )

    def question(self, text: str) -> Question:
        return Question("ASK" in text, "another" if "OF HIM" in text else "oneself")


class KeywordClassifier:
    """FUN is a cheerful turn, TOIL one of ordinary distress, FAINT and GRAVE are signs that no rule knows, BAD is a
    harmful request, SHADY perhaps one, NOD says yes to what was asked, SHRUG neither yes nor no. Where a rule speaks of
    danger it sees a little of it, too, less where BARELY stands there and nothing where DOUBT does."""

    thresholds = Thresholds()

    def in_pieces(self, text: str, before: Sequence[str], findings: Sequence[Finding]) -> float:
        return 0.9 if text == "AND THEN" and "HALF" in "".join(before) else 0.0

    def read(self, text: str, vector: Any, findings: Sequence[Finding]) -> Probabilities:
        return Probabilities(
            concern=0.9
            if "GRAVE" in text
            else 0.6
            if "FAINT" in text or "NEARLY" in text
            else 0.4
            if "HINT" in text
            else 0.18
            if "BARELY" in text
            else 0.28
            if any(finding.level for finding in findings) and "DOUBT" not in text
            else 0.05,
            high=0.8 if "GRAVE" in text else 0.5 if "NEARLY" in text else 0.05,
            harmful=0.95 if "BAD" in text else 0.7 if "SHADY" in text else 0.0,
            humour=0.95 if "FUN" in text else 0.02 if "TOIL" in text else 0.1,
            heavy=0.9 if "HEAVY" in text else 0.5 if "MOPE" in text else 0.0,
            affirms=0.9 if "NOD" in text else 0.4 if "SHRUG" in text else 0.0,
        )


class HashEncoder:
    """Unit vectors from the letters of a text, the same in every process. Texts that share letters are alike."""

    def __init__(self, dimensions: int = 16, name: str = "", fails: bool = False) -> None:
        self.name = name or f"hash-{dimensions}"
        self.dimensions = dimensions
        self.fails = fails
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if self.fails:
            raise EncoderError("The encoder is away.")
        self.encoded += len(texts)
        vectors = np.full((len(texts), self.dimensions), 0.01, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for letter in text:
                row[zlib.crc32(letter.encode("utf-8", "replace")) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ScriptedModel:
    """A chat model in this process: says `says` at each call, then raises `error` if there is one."""

    def __init__(self, *says: Words | Thought | Waiting | str, error: ModelError | None = None) -> None:
        self.says = says or ("我在听。",)
        self.error = error
        self.calls: list[list[dict[str, str]]] = []
        self.names: list[str] = []
        self.judged: Any = {"level": "none"}
        self.asked = 0

    def stream(self, model: str, messages: Sequence[dict[str, str]], deadlines: Any) -> Iterator[Any]:
        self.names.append(model)
        self.calls.append([dict(message) for message in messages])
        for piece in self.says:
            yield Words(piece) if isinstance(piece, str) else piece
        if self.error:
            raise self.error

    def ask(self, model: str, messages: Sequence[dict[str, str]], schema: Any, seconds: float) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.judged, Exception):
            raise self.judged
        return self.judged


SNIPPET = """[[snippet]]
id = "{id}"
title = "{title}"
mood = "{mood}"
topics = ["{topic}"]
lines = \"\"\"
甲：{line}
乙：是吗？
甲：可不是嘛。
\"\"\"
"""


def snippet_toml(number: int, **values: str) -> str:
    """One entry of a snippet file."""
    defaults = {
        "id": f"s-{number}",
        "title": f"第{number}段",
        "mood": "gentle",
        "topic": f"话题{number}",
        "line": f"第{number}句开场",
    }
    return SNIPPET.format(**{**defaults, **values})


def snippet_folder(folder: Path, count: int = 10) -> Path:
    """A folder with one file of `count` gentle snippets."""
    (folder / "zh").mkdir(parents=True, exist_ok=True)
    (folder / "zh" / "one.toml").write_text("\n".join(snippet_toml(n) for n in range(count)), encoding="utf-8")
    return folder


def shelf_of(folder: Path, encoder=None) -> Shelf:
    """A shelf of these snippets; its index lies beside them."""
    return Shelf([folder], encoder or HashEncoder(), folder.parent / "index")


def refreshed(shelf: Shelf) -> Shelf:
    """The shelf once it has taken in what changed in its files: one that began before has to end first."""
    _await_index()
    shelf.open()
    _await_index()
    return shelf


def _await_index() -> None:
    for thread in threading.enumerate():
        if thread.name == "psylite-index":
            thread.join()


def found(index: SnippetIndex, text: str = "第3句开场") -> list[tuple[str, float]]:
    """What the index finds for a text: ids and scores."""
    vector = HashEncoder(index.dimensions).encode([text])[0]
    return [(hit.snippet.id, round(hit.score, 5)) for hit in index.search(text, vector, language="zh")]


def spoil(path: Path, change) -> None:
    """Change the bytes of a file."""
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))


def flip(at: int):
    """The change of all bits of one byte."""

    def change(data: bytearray) -> None:
        data[at] ^= 0xFF

    return change


@lru_cache(maxsize=1)
def shipped_lexicon() -> Lexicon:
    """The real rules, read once."""
    return Lexicon.load(bundled("knowledge") / "risk" / "lexicon")


@lru_cache(maxsize=1)
def texts() -> tuple[Any, Any]:
    """The real replies and prompts, read once."""
    settings = Settings.load()
    return open_replies(settings), open_prompts(settings)


@lru_cache(maxsize=1)
def shipped_check() -> OutputCheck:
    """The real look at a model's words, read once."""
    return OutputCheck.load(bundled("knowledge") / "risk" / "output")


def scripted_counsellor(
    folder: Path,
    model: Any = None,
    *,
    classifier: Any = None,
    rules: Any = None,
    encoder: Any = None,
    shelf: Any = None,
    replies: Any = "real",
    check: Any = "real",
    metrics: Metrics = NO_METRICS,
    **backend: Any,
) -> Counsellor:
    """A counsellor over keyword rules, a hash encoder and `folder` for snippets and index, or the parts that are given.
    Texts are the real ones."""
    real, prompts = texts()
    rules = rules or KeywordRules()
    encoder = encoder or HashEncoder()
    model = model or ScriptedModel()
    plain = Assessor(rules, None)
    return Counsellor(
        assessor=Assessor(rules, classifier or KeywordClassifier()),
        plain_assessor=plain,
        embedder=encoder,
        shelf=shelf or Shelf([snippet_folder(folder / "snippets")], encoder, folder / "index"),
        answers=Answers(
            real if replies == "real" else replies,
            prompts,
            model,
            Backend(**{"model": "psylite", **backend}),
            plain.worst,
            shipped_check() if check == "real" else check,
            metrics,
        ),
        model=model,
        metrics=metrics,
    )


class Talk:
    """A talk in process: `talk.say("…")`, then `talk.decision`, `talk.shown`, `talk.pieces`."""

    def __init__(self, counsellor: Counsellor, preferences: Any = None) -> None:
        self.counsellor, self.preferences = counsellor, preferences
        self.messages: list[dict[str, Any]] = []

    def say(self, content: Any, **body: Any) -> Talk:
        self.messages.append({"role": "user", "content": content})
        conversation = Conversation.from_body({"messages": self.messages, **body})
        self.decision = self.counsellor.decide(conversation, self.preferences)
        self.pieces = list(self.counsellor.reply(conversation, self.decision, self.preferences))
        self.shown = "".join(piece.text for piece in self.pieces if isinstance(piece, Words))
        self.messages.append({"role": "assistant", "content": self.shown})
        return self

    @property
    def route(self) -> str:
        return self.decision.route.value


def assessed(*turns: str):
    """How a talk of these turns is judged by keywords alone. Words of the assistant begin with `<`."""
    said = [{"role": "assistant" if turn.startswith("<") else "user", "content": turn} for turn in turns]
    talk = Conversation.from_body({"messages": said})
    return Assessor(KeywordRules(), KeywordClassifier()).assess(talk)
