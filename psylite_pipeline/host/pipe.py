"""The model "PsyLite": a pipe that judges every turn and answers it, and that fails closed."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from psylite_pipeline.answers import Piece
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Decision, Risk
from psylite_pipeline.host.parts import (
    answered_as,
    carried_chat,
    carry,
    chat_of,
    seed_of,
    sendable,
    shared,
    shared_metrics,
    shared_webhook,
    task_of,
)
from psylite_pipeline.host.valves import PipeValves, mend_saved_valves
from psylite_pipeline.host.webhook import Webhook
from psylite_pipeline.metrics import Metrics
from psylite_pipeline.pieces import Source, Status, Thought, Words
from psylite_pipeline.replies import Notice, last_resort
from psylite_pipeline.replies.last_resort import last_notice
from psylite_pipeline.tasks import neutral_result

log = logging.getLogger(__name__)


class PipePipeline:
    """What the Pipelines server loads. It has no `type`: with one, the host would not list it as a model."""

    def __init__(
        self,
        loader_file: str | None = None,
        counsellor: Callable[[], Counsellor] = shared.get,
        webhook: Callable[[], Webhook | None] = shared_webhook.get,
        metrics: Callable[[], Metrics] = shared_metrics.get,
    ) -> None:
        self.name = "PsyLite"
        self.ready = False  # whether a turn is judged without waiting for anything to be loaded
        if loader_file:
            mend_saved_valves(Path(loader_file), PipeValves)
        self.valves = PipeValves()
        self._counsellor = counsellor
        self._webhook = webhook
        self._metrics = metrics

    async def on_startup(self) -> None:
        """Begin to load everything, beside the server: it answers at once, and a turn that comes early waits a little.

        Must not raise: the server would not start.
        """
        asyncio.get_running_loop().run_in_executor(None, self._warm_up)

    def _warm_up(self) -> None:
        gc.disable()  # what is loaded stays: looking through it again and again would find nothing
        try:
            counsellor = self._counsellor()
            self.ready = True
            counsellor.warm_up()
        except Exception as error:  # noqa: BLE001
            log.error("PsyLite is not ready (%s). Run `psylite doctor`.", type(error).__name__)
        finally:
            self.ready = True  # as far as it will ever be
            gc.freeze()  # nor shall a turn wait while it is looked through later
            gc.enable()

    def _tell(self, decision: Decision, body: dict[str, Any]) -> None:
        """Let a human know, where the house wants it. Whatever happens, the answer follows."""
        try:
            if webhook := self._webhook():
                webhook.tell(decision, carried_chat(body))
        except Exception as error:  # noqa: BLE001
            log.error("Nobody could be told (%s).", type(error).__name__)

    async def inlet(self, body: dict[str, Any], user: dict[str, Any] | None = None) -> dict[str, Any]:
        """Carry to `pipe`, which gets no metadata, the background task's name, the talk's seed and, where a human is
        told, its hash."""
        return carry(sendable(body), task=task_of(body), seed=seed_of(body), chat=chat_of(body, self._webhook()))

    def pipe(self, user_message: str, model_id: str, messages: list[Any], body: dict[str, Any]) -> Iterator[Any]:
        """The answer in pieces: text, and where the host streams also status lines and reasoning."""
        streams = bool(body.get("stream"))
        said = waiting = False
        task = None
        preferences: Any = self.valves
        try:
            preferences = answered_as(body, self.valves)
            conversation = Conversation.from_body(body, messages)
            task = conversation.task
            counsellor = self._counsellor()
            decision = counsellor.decide(conversation, preferences)
            self._tell(decision, body)
            quiet = task is not None or decision.risk >= Risk.HIGH or not streams
            for piece in counsellor.reply(conversation, decision, preferences):
                if waiting and not isinstance(piece, Status):
                    yield _status("", done=True)
                    waiting = False
                if isinstance(piece, Words):
                    yield from _as_text(piece.text)
                    said = said or bool(piece.text)
                elif not quiet:
                    yield from _as_event(piece)
                    waiting = isinstance(piece, Status)
        except Exception as error:  # noqa: BLE001  an exception here would be an empty answer
            log.error("A turn failed (%s).", type(error).__name__)
            with suppress(Exception):
                self._metrics().failed("turn", type(error).__name__)
            if waiting:
                yield _status("", done=True)
            if task is None:
                yield ("\n\n" if said else "") + _last_words(preferences)
            elif not said:
                yield neutral_result(task, last_notice(Notice.TASK_TITLE))


def _last_words(valves: Any) -> str:
    """The last resort in the language and for the region of the valves, as far as these can be read."""
    language, region = "auto", "auto"
    with suppress(Exception):
        language, region = str(valves.language), str(valves.region)
    return last_resort("" if language == "auto" else language, region)


def _as_text(text: str) -> Iterator[str]:
    """Text that the server passes on as text: it takes a piece that begins with `data:` for a finished event."""
    if text.startswith("data:"):
        yield text[:1]
        text = text[1:]
    if text:
        yield text


def _as_event(piece: Piece) -> Iterator[dict[str, Any]]:
    if isinstance(piece, Thought):
        yield {"choices": [{"index": 0, "delta": {"reasoning_content": piece.text}, "finish_reason": None}]}
    elif isinstance(piece, Status):
        yield _status(piece.text, done=False)
    elif isinstance(piece, Source):
        source = {"source": {"name": piece.name}, "document": [piece.text], "metadata": [{"source": piece.name}]}
        yield {"event": {"type": "citation", "data": source}}


def _status(description: str, *, done: bool) -> dict[str, Any]:
    return {"event": {"type": "status", "data": {"description": description, "done": done, "hidden": done}}}
