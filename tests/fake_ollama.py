"""A strict, scripted Ollama for tests: real HTTP on 127.0.0.1, the recorded protocol, no reply without a script.

    with FakeOllama(models=("psylite",)) as ollama:
        ollama.script("你好。", Reply(["We", " can", " talk."], pause=0.1))
        ...                      # point the code at ollama.url
        assert ollama.calls[0]["messages"][-1]["content"] == "hello"

Leaving the block, or `ollama.check()`, raises AssertionError when a model call came that nothing was scripted for, or a
path was asked that this server does not know. The shapes are those of Ollama 0.32.15; where nothing was recorded (a
successful pull, `think`) the comment says so. The HTTP side is fake_ollama_server.py, the protocol fake_ollama_wire.py.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from fake_ollama_server import Server
from fake_ollama_wire import Body, Reply, full


class FakeOllama:
    """The server. Thread-safe; one instance a test.

    calls: the parsed body of every chat request with messages, in order, also those answered 400 or 404.
    loaded: the models that `/api/ps` lists: those that have answered a streamed chat.
    loads: the bodies of those without messages (they only load the model). paths: every path asked, in order.
    hung_up: how many clients went away before their stream ended.
    """

    def __init__(
        self,
        models: Sequence[str] = ("psylite",),
        *,
        pullable: Sequence[str] = (),
        capabilities: Sequence[str] = ("completion",),
        port: int = 0,
    ) -> None:
        self.models = [full(name) for name in models]
        self.loaded: set[str] = set()
        self.pullable = {full(name) for name in pullable}
        self.capabilities = list(capabilities)
        self.calls: list[Body] = []
        self.loads: list[Body] = []
        self.paths: list[str] = []
        self.problems: list[str] = []
        self.hung_up = 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self._script: deque[Reply] = deque()
        self._otherwise: Callable[[Body], Reply | str | None] | None = None
        self._server = Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The address, without a path: http://127.0.0.1:PORT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def unused(self) -> list[Reply]:
        """The scripted replies that nobody has asked for."""
        with self.lock:
            return list(self._script)

    def script(self, *replies: Reply | str | Sequence[str]) -> Self:
        """Queue replies, each for one model call. A str or a list of str is a Reply of these pieces."""
        with self.lock:
            self._script.extend(r if isinstance(r, Reply) else Reply(r) for r in replies)
        return self

    def otherwise(self, answer: Callable[[Body], Reply | str | None]) -> Self:
        """Ask `answer` for a reply when the script has none; None still means that the call was not expected."""
        self._otherwise = answer
        return self

    def check(self, *, all_used: bool = False) -> None:
        """Raise AssertionError if a call came that was not expected or, on demand, one that was expected did not."""
        with self.lock:
            problems = list(self.problems)
            if all_used and self._script:
                problems.append(f"{len(self._script)} scripted replies were never asked for")
        if problems:
            raise AssertionError("FakeOllama: " + "; ".join(problems))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:  # a failing test keeps its own reason
            self.check()

    def stop(self) -> None:
        """Close the port and wake every hanging reply; the address then refuses connections. May be called twice."""
        if not self.over.is_set():
            self.over.set()
            self._server.shutdown()
            self._server.server_close()

    def knows(self, name: str) -> bool:
        """Whether the model is there, named with or without its tag."""
        return full(name) in self.models

    def next_reply(self, body: Body) -> Reply | None:
        """Take the first reply that may answer `body`; note a problem and return None if there is none."""
        with self.lock:
            for reply in self._script:
                if reply.when is None or reply.when(body):
                    _remove(self._script, reply)
                    return reply
        answer = self._otherwise(body) if self._otherwise else None
        if answer is None:
            with self.lock:
                self.problems.append(f"unexpected model call, number {len(self.calls)}")
        return Reply(answer) if isinstance(answer, str) else answer


def _remove(script: deque[Reply], reply: Reply) -> None:
    """Take out this very reply; deque.remove would take an equal one that stands earlier."""
    for at, other in enumerate(script):
        if other is reply:
            del script[at]
            return
