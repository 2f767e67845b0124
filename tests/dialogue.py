"""Talks as tests: `chat.user("…")`, then look at `chat.route`, `chat.shown`, `chat.model_calls`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fake_ollama import FakeOllama, Reply
from scripted import shipped_lexicon

from psylite_pipeline.answers import Answers, Backend
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Decision, Kind, Risk, Route
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.model import Deadlines, Thought, Words
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.opening import (
    open_classifier,
    open_output_check,
    open_prompts,
    open_replies,
    open_shelf,
)
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.settings import Preferences, Settings

PATIENCE = Deadlines(first=5, silence=5)


@dataclass
class Parts:
    """Everything of a counsellor but its model, loaded once for all tests of a worker. Tests replace single parts."""

    assessor: Assessor
    plain_assessor: Assessor
    embedder: Any
    shelf: Any
    replies: Any
    prompts: Any
    check: Any = None
    lexicon: Any = None

    @classmethod
    def load(cls, settings: Settings) -> Parts:
        lexicon = shipped_lexicon()
        shelf = open_shelf(settings)
        return cls(
            Assessor(lexicon, open_classifier(settings)),
            Assessor(lexicon, None),
            shelf.embedder,
            shelf,
            open_replies(settings),
            open_prompts(settings),
            open_output_check(settings),
            lexicon,
        )

    def counsellor(self, url: str, *, metrics: Metrics = NO_METRICS, **backend: Any) -> Counsellor:
        backend = {"model": "psylite", **backend}
        model = OllamaModel(url, num_ctx=backend.get("num_ctx", 4096), keep_alive="5m")
        answers = Answers(
            self.replies, self.prompts, model, Backend(**backend), self.plain_assessor.worst, self.check, metrics
        )
        return Counsellor(
            assessor=self.assessor,
            plain_assessor=self.plain_assessor,
            embedder=self.embedder,
            shelf=self.shelf,
            answers=answers,
            model=model,
            metrics=metrics,
        )


@dataclass
class Chat:
    """One person's talk. The strict model raises at the end of the test when it was called without a script."""

    counsellor: Counsellor
    ollama: FakeOllama
    preferences: Preferences = field(default_factory=lambda: Preferences(first_piece_seconds=5, silence_seconds=2))
    messages: list[dict[str, Any]] = field(default_factory=list)
    decision: Decision | None = None
    shown: str = ""
    pieces: list[Any] = field(default_factory=list)

    def user(self, content: Any, model_says: str | Reply | None = None, **body: Any) -> Chat:
        """The person's next turn; `model_says` scripts the one model call that it may cost."""
        if model_says is not None:
            self.ollama.script(model_says)
        self.messages.append({"role": "user", "content": content})
        conversation = Conversation.from_body({"messages": self.messages, **body})
        before = len(self.ollama.calls)
        self.decision = self.counsellor.decide(conversation, self.preferences)
        self.pieces = list(self.counsellor.reply(conversation, self.decision, self.preferences))
        self.shown = "".join(piece.text for piece in self.pieces if isinstance(piece, Words))
        self.model_calls = len(self.ollama.calls) - before
        self.messages.append({"role": "assistant", "content": self.shown})
        return self

    def assistant(self, text: str) -> Chat:
        """Put words into the assistant's mouth, in place of its last answer if there is one."""
        if self.messages and self.messages[-1]["role"] == "assistant":
            self.messages.pop()
        self.messages.append({"role": "assistant", "content": text})
        return self

    @property
    def route(self) -> Route:
        assert self.decision is not None
        return self.decision.route

    @property
    def risk(self) -> Risk:
        assert self.decision is not None
        return self.decision.risk

    @property
    def kind(self) -> Kind | None:
        assert self.decision is not None
        return self.decision.kind

    @property
    def thoughts(self) -> str:
        return "".join(piece.text for piece in self.pieces if isinstance(piece, Thought))

    @property
    def sent(self) -> list[dict[str, str]]:
        """The messages of the last model call."""
        return self.ollama.calls[-1]["messages"]
