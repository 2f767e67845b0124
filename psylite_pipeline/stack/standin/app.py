"""create_app(): the part of Ollama's HTTP interface that PsyLite uses, over any Backend."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from psylite_pipeline.stack.standin import wire
from psylite_pipeline.stack.standin.asked import ChatRequest, Refused, chat_request, read_json, v1_request
from psylite_pipeline.stack.standin.backend import Backend, BackendError, Finish, Piece
from psylite_pipeline.stack.standin.hangup import UntilGone
from psylite_pipeline.stack.standin.local_only import LocalOnly
from psylite_pipeline.stack.standin.window import fit

_NDJSON = "application/x-ndjson"
_JSON = "application/json; charset=utf-8"

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Failed = Callable[[Exception], Response]


def create_app(backend: Backend, card: wire.Card) -> ASGIApp:
    """The server as an ASGI application that answers only this machine's own pages and programs."""
    server = _Server(backend, card)
    return LocalOnly(
        Starlette(
            routes=[
                Route("/", _running, methods=["GET"]),
                Route("/api/version", _guarded(server.version), methods=["GET"]),
                Route("/api/tags", _guarded(server.tags), methods=["GET"]),
                Route("/api/ps", _guarded(server.ps), methods=["GET"]),
                Route("/api/show", _guarded(server.show), methods=["POST"]),
                Route("/api/pull", _guarded(server.pull), methods=["POST"]),
                Route("/api/embed", _guarded(server.embed), methods=["POST"]),
                Route("/api/chat", _guarded(server.chat), methods=["POST"]),
                Route("/v1/models", _guarded(server.v1_models), methods=["GET"]),
                Route("/v1/chat/completions", _guarded(server.v1_chat, _v1_failure), methods=["POST"]),
            ]
        )
    )


class _Server:
    def __init__(self, backend: Backend, card: wire.Card) -> None:
        self._backend = backend
        self._card = card
        self._numbers = itertools.count(1)

    async def version(self, request: Request) -> Response:
        return _json({"version": wire.VERSION})

    async def tags(self, request: Request) -> Response:
        return _json(wire.tags(self._card))

    async def ps(self, request: Request) -> Response:
        return _json(wire.ps(self._card))

    async def show(self, request: Request) -> Response:
        body = read_json(await request.body())
        self._know(str(body.get("model") or body.get("name") or ""))
        return _json(wire.show(self._card))

    async def pull(self, request: Request) -> Response:
        body = read_json(await request.body())
        name = str(body.get("model") or body.get("name") or "")
        known = self._card.is_called(name)
        last = (
            {"status": "success"} if known else {"error": "pull model manifest: this is a stand-in and pulls nothing"}
        )
        if body.get("stream") is False:
            return _json(last, 200 if known else 500)
        lines = wire.dump({"status": "pulling manifest"}) + b"\n" + wire.dump(last) + b"\n"
        return Response(lines, media_type=_NDJSON)

    async def embed(self, request: Request) -> Response:
        raise Refused(501, "This server does not support embeddings. Start it with `--embeddings`")

    async def v1_models(self, request: Request) -> Response:
        return _json(wire.v1_models(self._card))

    async def chat(self, request: Request) -> Response:
        asked = chat_request(read_json(await request.body()))
        self._know(asked.model)
        if not asked.messages:
            ready = wire.dump(wire.loaded(asked.model))
            return Response(ready + b"\n" if asked.stream else ready, media_type=_NDJSON if asked.stream else _JSON)
        if asked.stream:
            return UntilGone(lambda: self._lines(asked), _failure, _NDJSON)
        return UntilGone(lambda: self._once(asked), _failure, _JSON)

    async def v1_chat(self, request: Request) -> Response:
        asked = v1_request(read_json(await request.body()))
        self._know(asked.model)
        if not asked.messages:
            raise Refused(400, "[] is too short - 'messages'")
        if asked.stream:
            return UntilGone(lambda: self._v1_lines(asked), _v1_failure, "text/event-stream")
        return UntilGone(lambda: self._v1_once(asked), _v1_failure, _JSON)

    def _know(self, model: str) -> None:
        if not self._card.is_called(model):
            raise Refused(404, f"model '{model}' not found")

    async def _generate(self, asked: ChatRequest) -> AsyncGenerator[Piece | Finish]:
        tokens = await fit(self._backend, asked.messages, asked.num_ctx)
        sampling = asked.sampling(len(tokens), self._backend.context)
        async with _closing(self._backend.generate(tokens, sampling)) as parts:
            async for part in parts:
                yield part

    async def _whole(self, asked: ChatRequest) -> tuple[str, Finish]:
        texts: list[str] = []
        async with contextlib.aclosing(self._generate(asked)) as parts:
            async for part in parts:
                if isinstance(part, Finish):
                    return "".join(texts), part
                texts.append(part.text)
        raise BackendError("the model stopped before it had finished")

    async def _once(self, asked: ChatRequest) -> AsyncGenerator[bytes]:
        begun = time.monotonic_ns()
        text, finish = await self._whole(asked)
        yield wire.dump(wire.last_line(asked.model, text, finish, begun))

    async def _lines(self, asked: ChatRequest) -> AsyncGenerator[bytes]:
        begun, silent = time.monotonic_ns(), True
        async with contextlib.aclosing(self._generate(asked)) as parts:
            try:
                async for part in parts:
                    silent = False
                    if isinstance(part, Piece):
                        yield wire.dump(wire.line(asked.model, part.text)) + b"\n"
                    else:
                        yield wire.dump(wire.last_line(asked.model, "", part, begun)) + b"\n"
            except BackendError as error:
                if silent:
                    raise
                yield wire.dump({"error": str(error)}) + b"\n"  # too late for a status: it goes into the stream

    async def _v1_once(self, asked: ChatRequest) -> AsyncGenerator[bytes]:
        text, finish = await self._whole(asked)
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "message": message, "finish_reason": finish.reason}]
        frame = wire.v1_frame(next(self._numbers), asked.model, chunk=False)
        yield wire.dump({**frame, "choices": choices, "usage": wire.v1_usage(finish)})

    async def _v1_lines(self, asked: ChatRequest) -> AsyncGenerator[bytes]:
        frame, silent = wire.v1_frame(next(self._numbers), asked.model), True
        async with contextlib.aclosing(self._generate(asked)) as parts:
            try:
                async for part in parts:
                    delta: dict[str, Any] = {"role": "assistant"} if silent else {}
                    reason = None
                    if isinstance(part, Finish):
                        delta, reason = {}, part.reason
                    else:
                        delta["content"] = part.text
                    silent = False
                    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
                    yield _event({**frame, "choices": choices})
                    if isinstance(part, Finish) and asked.usage:
                        yield _event({**frame, "choices": [], "usage": wire.v1_usage(part)})
                yield b"data: [DONE]\n\n"
            except BackendError as error:
                if silent:
                    raise
                yield _event(wire.v1_error(str(error), 500))


@contextlib.asynccontextmanager
async def _closing(parts: Any) -> AsyncGenerator[Any]:
    """aclosing(), also for a backend whose iterator is not a generator."""
    try:
        yield parts
    finally:
        if hasattr(parts, "aclose"):
            await parts.aclose()


async def _running(request: Request) -> Response:
    return PlainTextResponse("Ollama is running")


def _read(error: Exception) -> tuple[int, str]:
    """Status and text. Of an error nobody foresaw only the kind and place are logged: its text may quote a person."""
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, BackendError):
        return (400 if error.refused else 500), str(error)
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{place[0].filename}:{place[0].lineno}" if place else "?"
    _log.error("unexpected %s at %s", type(error).__name__, where)
    return 500, "internal error of the stand-in"


def _failure(error: Exception) -> Response:
    status, text = _read(error)
    return _json({"error": text}, status)


def _v1_failure(error: Exception) -> Response:
    status, text = _read(error)
    return _json(wire.v1_error(text, status), status)


def _guarded(handler: Handler, failed: Failed = _failure) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - the last one who could answer
            return failed(error)

    return answer


def _json(value: wire.Json, status: int = 200) -> Response:
    return Response(wire.dump(value), status, media_type=_JSON)


def _event(value: wire.Json) -> bytes:
    return b"data: " + wire.dump(value) + b"\n\n"
