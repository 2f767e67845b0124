"""The same judgement as a filter before any other model. It fails open when its server is away: prefer the pipe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Decision, Route
from psylite_pipeline.host.parts import PIPE_ID, carry, chat_of, sendable, shared, shared_webhook, task_of, words_of
from psylite_pipeline.host.valves import FilterValves, mend_saved_valves
from psylite_pipeline.host.webhook import Webhook

log = logging.getLogger(__name__)

#: Seconds a judgement may take before the turn goes to the pipe, which judges it again. With the second judge on, its
#: own deadline comes on top. Chosen, not measured: a thousand times the usual, and far below the 300 s after which the
#: host lets the turn through unjudged.
DEADLINE = 10.0

#: Judgements at once, in threads of our own: the loop's are six on two cores, and 14 of 20 turns at once went to the
#: pipe while they waited for one. How many seconds a turn waits before its own clock starts. Chosen, not measured: well
#: above those 20, and again far below the host's 300 s.
THREADS, PATIENCE = 64, 30.0

_threads = ThreadPoolExecutor(THREADS, "psylite-filter")

T = TypeVar("T")


class FilterPipeline:
    """What the Pipelines server loads as a filter."""

    def __init__(
        self,
        loader_file: str | None = None,
        counsellor: Callable[[], Counsellor] = shared.get,
        webhook: Callable[[], Webhook | None] = shared_webhook.get,
    ) -> None:
        self.type = "filter"
        self.name = "PsyLite filter"
        if loader_file:
            mend_saved_valves(Path(loader_file), FilterValves)
        self.valves = FilterValves()
        self._counsellor = counsellor
        self._webhook = webhook

    async def inlet(self, body: dict[str, Any], user: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send crisis and declined turns to the pipe, put care before the others where it is needed.

        Never raises: a turn that cannot be judged here goes to the pipe, whose lexicon always decides.
        """
        body = sendable(body)
        task = task_of(body)
        if body.get("model") == PIPE_ID:
            return carry(body, task=task)
        valves = self.valves
        try:
            limit = DEADLINE + (valves.judge_seconds if valves.judge != "off" else 0.0)
            decision, sent = await _within(limit, partial(self._judge, body, task, valves))
            webhook = self._webhook()
            if webhook and sent.get("model") != PIPE_ID:  # of those that go there the pipe tells, once
                webhook.tell(decision, chat_of(body, webhook))
            return sent
        except Exception as error:  # noqa: BLE001
            log.error("A turn could not be judged (%s); the pipe takes it.", type(error).__name__)
            chat = chat_of(body, self._webhook())
            return {**carry(body, task=task, chat=chat, **words_of(valves)), "model": PIPE_ID}

    def _judge(self, body: dict[str, Any], task: str | None, valves: FilterValves) -> tuple[Decision, dict[str, Any]]:
        """The turn's decision, and the body to go on with. What is given up on runs to its end and is told nobody."""
        counsellor = self._counsellor()
        conversation = Conversation.from_body(carry(body, task=task))  # what a caller forged under our key is dropped
        decision = counsellor.decide(conversation, valves.model_copy(update={"humour": False}))
        risky_task = decision.route is Route.TASK and decision.rules
        if risky_task or decision.route in {Route.CRISIS, Route.DECLINE}:
            judged = {"route": decision.route.value, "risk": decision.risk.label, "kind": decision.kind}
            chat = chat_of(body, self._webhook())
            return decision, {**carry(body, task=task, chat=chat, **judged, **words_of(valves)), "model": PIPE_ID}
        added = counsellor.guidance(conversation, decision, valves)
        return decision, _with_system_text(body, added) if added else body


async def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` gives in a thread, `seconds` after it has begun there at the latest. Raises TimeoutError."""
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def run() -> T:
        loop.call_soon_threadsafe(begun.set)
        return work()

    running = loop.run_in_executor(_threads, run)
    try:
        await asyncio.wait_for(begun.wait(), PATIENCE)
        return await asyncio.wait_for(running, seconds)
    finally:
        running.cancel()  # what has not begun need not


def _with_system_text(body: dict[str, Any], text: str) -> dict[str, Any]:
    """The body with `text` as, or under, its first system message."""
    messages = list(body.get("messages") or [])
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") == "system" and isinstance(first.get("content"), str):
        messages[0] = {**first, "content": f"{first['content']}\n\n{text}"}
    else:
        messages.insert(0, {"role": "system", "content": text})
    return {**body, "messages": messages}
