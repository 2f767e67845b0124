"""The stand-in's server without its model: a backend of scripted pieces on a real port; and tiny weights."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx
import uvicorn

from psylite_pipeline.stack.standin.app import create_app
from psylite_pipeline.stack.standin.backend import Finish, Message, Piece, Sampling
from psylite_pipeline.stack.standin.weights import Weights
from psylite_pipeline.stack.standin.wire import Card

HELLO = [{"role": "user", "content": "hello"}]


class FakeBackend:
    """A token a character; answers with scripted pieces and remembers what it was asked."""

    context = 1000

    def __init__(self) -> None:
        self.pieces: list[str | Exception] = ["Hel", "lo."]
        self.reason = "stop"
        self.slow_prompt = 0.0
        self.pause = 0.0
        self.seen: list[tuple[str, Sampling]] = []
        self.running = 0

    async def prompt(self, messages: Sequence[Message]) -> list[int]:
        return [ord(letter) for message in messages for letter in message["content"]]

    async def generate(self, tokens: Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece | Finish]:
        self.seen.append(("".join(map(chr, tokens)), sampling))
        self.running += 1
        try:
            await asyncio.sleep(self.slow_prompt)
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                await asyncio.sleep(self.pause)
                yield Piece(piece)
            yield Finish(self.reason, len(tokens), len(self.pieces), 5_000, 7_000)
        finally:
            self.running -= 1


class Live:
    """The application on a real port."""

    def __init__(self) -> None:
        self.backend = FakeBackend()
        app = create_app(self.backend, Card("psylite-standin:latest", self.backend.context))
        door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [door]}, daemon=True)

    def post(self, path: str = "/api/chat", **body: Any) -> httpx.Response:
        return httpx.post(self.url + path, json={"model": "psylite-standin", **body}, timeout=5.0)


CHUNKS = [b"first piece ", b"second piece ", b"third piece"]
WHOLE = b"".join(CHUNKS)
TINY = Weights("tiny.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), "some/tiny.gguf", "Tiny", "none")


def until(condition: Any, seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())
