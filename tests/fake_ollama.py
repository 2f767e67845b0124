"""A strict, scripted Ollama for tests: real HTTP on 127.0.0.1, the recorded protocol, no reply without a script.

    with FakeOllama(models=("psylite",)) as ollama:
        ollama.script("你好。", Reply(["We", " can", " talk."], pause=0.1))
        ...                      # point the code at ollama.url
        assert ollama.calls[0]["messages"][-1]["content"] == "hello"

Leaving the block, or `ollama.check()`, raises AssertionError when a model call came that nothing was scripted for, or a
path was asked that this server does not know. The shapes are those of Ollama 0.32.15; where nothing was recorded (a
successful pull, `think`) the comment says so.
"""

from __future__ import annotations

import json
import select
import socket
import socketserver
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

VERSION = "0.32.15"
SIZE = 253113608
DIGEST = "5826ad4cff00fec877fec1dc12f747f4ed1dd54c82a719169fb3731bc0680396"
MODIFIED = "2026-11-23T01:30:04.536035542Z"
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "gemma3",
    "families": ["gemma3"],
    "parameter_size": "268.10M",
    "quantization_level": "Q4_K_M",
}
NDJSON = "application/x-ndjson"
JSON = "application/json; charset=utf-8"

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What one model call is answered with, and how it goes wrong.

    text: the pieces as they stream; a single str is one piece. Not streamed, they are joined.
    think: pieces sent as `message.thinking` before the text (a `<think>` that the model writes itself belongs in text).
    delay, pause: seconds before the first piece (headers wait too, as Ollama's do) and between pieces.
    status, error: any status but 200 answers `{"error": error}` and nothing else.
    error_line: after the pieces an `{"error": …}` line ends the stream with status 200 (not streamed: a 500).
    garbage: after the pieces this raw line ends the stream; no done line (not streamed: it is the whole body).
    hang: after the pieces silence, for so many seconds or (True) until the test ends; then the connection is cut.
    close_after: the connection is cut after so many pieces (0: after the headers), without a proper end.
    big: so many characters more, as one last piece.
    when: this reply answers only a request for which when(body) holds; others look further down the script.
    """

    text: str | Sequence[str] = ()
    _: KW_ONLY
    think: Sequence[str] = ()
    delay: float = 0.0
    pause: float = 0.0
    done_reason: str = "stop"
    status: int = 200
    error: str = "the model runner has stopped"
    error_line: str | None = None
    garbage: str | bytes | None = None
    hang: bool | float = False
    close_after: int | None = None
    big: int = 0
    when: Callable[[Body], bool] | None = None

    @classmethod
    def as_json(cls, value: Any, **faults: Any) -> Reply:
        """What a model held to a `format` schema writes: `value` as indented JSON, in small pieces."""
        written = json.dumps(value, ensure_ascii=False, indent=2)
        return cls([written[at : at + 4] for at in range(0, len(written), 4)], **faults)

    def pieces(self) -> list[str]:
        """All pieces of text, the big one last."""
        pieces = [self.text] if isinstance(self.text, str) else list(self.text)
        return [*pieces, "字" * self.big] if self.big else pieces


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
        self.models = [_full(name) for name in models]
        self.loaded: set[str] = set()
        self.pullable = {_full(name) for name in pullable}
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
        self._server = _Server(self, port)
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
        return _full(name) in self.models

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, fake: FakeOllama, port: int) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up this machine's name, which is slow and not allowed where tests may not use a network
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not self.fake.over.is_set():
            super().handle_error(request, client_address)


class _HungUp(Exception):
    """The client is gone, or the test is over."""


class _HungUpByUs(Exception):
    """The script says to cut the connection here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Tests stay quiet."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        fake = self.server.fake
        path = urlsplit(self.path).path
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with fake.lock:
            fake.paths.append(path)
        route = _ROUTES.get((("GET" if self.command == "HEAD" else self.command), path))
        try:
            if route is None:
                with fake.lock:
                    fake.problems.append(f"unexpected path {self.command} {path}")
                self._send(404, b"404 page not found", "text/plain")
            elif self.command == "POST":
                body = _parse(raw)
                if isinstance(body, str):
                    self._json({"error": body}, 400)
                else:
                    route(self, fake, body)
            else:
                route(self, fake, {})
        except _HungUpByUs:
            self.close_connection = True
        except (_HungUp, ConnectionError):
            self.close_connection = True
            with fake.lock:
                fake.hung_up += not fake.over.is_set()

    # -- the calls ----------------------------------------------------------------------------------------------------

    def _root(self, fake: FakeOllama, body: Body) -> None:
        self._send(200, b"Ollama is running", "text/plain; charset=utf-8")

    def _version(self, fake: FakeOllama, body: Body) -> None:
        self._json({"version": VERSION})

    def _tags(self, fake: FakeOllama, body: Body) -> None:
        details = {**DETAILS, "context_length": 32768, "embedding_length": 640}
        shared = {"modified_at": MODIFIED, "size": SIZE, "digest": DIGEST, "details": details}
        models = [{"name": n, "model": n, **shared, "capabilities": fake.capabilities} for n in fake.models]
        self._json({"models": models})

    def _ps(self, fake: FakeOllama, body: Body) -> None:
        self._json(
            {"models": [{"name": name, "model": name} for name in sorted(fake.loaded)]}
        )  # full rows not recorded

    def _show(self, fake: FakeOllama, body: Body) -> None:
        name = str(body.get("model") or body.get("name") or "")
        if not fake.knows(name):
            self._json({"error": f"model '{name}' not found"}, 404)
            return
        template = "{{ range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}"
        info = {"general.architecture": "gemma3", "general.parameter_count": 268098176, "gemma3.context_length": 32768}
        self._json(
            {
                "modelfile": f"FROM {_full(name)}\nTEMPLATE {template}\nPARAMETER num_ctx 2048\n",
                "parameters": "num_ctx                        2048\ntemperature                    0.7",
                "template": template,
                "details": DETAILS,
                "model_info": info,
                "tensors": [{"name": "output_norm.weight", "type": "F32", "shape": [640]}],
                "capabilities": fake.capabilities,
                "modified_at": MODIFIED,
                "license": "",
            }
        )

    def _pull(self, fake: FakeOllama, body: Body) -> None:
        name = str(body.get("model") or body.get("name") or "")
        known = fake.knows(name) or _full(name) in fake.pullable
        base, _, tag = _full(name).rpartition(":")
        missing = (
            f'pull model manifest: Get "https://registry.example/v2/library/{base}/manifests/{tag}": '
            "dial tcp: lookup registry.example: no such host"
        )
        last = {"status": "success"} if known else {"error": missing}  # the success is not recorded
        if known and not fake.knows(name):
            fake.models.append(_full(name))
        if body.get("stream", True):
            self._stream(iter([{"status": "pulling manifest"}, last]))
        else:
            self._json(last, 200 if known else 500)

    def _chat(self, fake: FakeOllama, body: Body) -> None:
        messages = body.get("messages") or []
        with fake.lock:
            (fake.calls if messages else fake.loads).append(body)
        problem = _bad_message(messages)
        name = str(body.get("model") or "")
        if problem:
            self._json({"error": problem}, 400)
        elif not fake.knows(name):
            self._json({"error": f"model '{name}' not found"}, 404)
        elif not messages:
            line = {**_line(name, ""), "done": True, "done_reason": "load"}
            self._stream(iter([line])) if body.get("stream", True) else self._json(line)
        elif body.get("think") and "thinking" not in fake.capabilities:  # from Ollama's source, not recorded
            self._json({"error": f'"{name}" does not support thinking'}, 400)
        else:
            reply = fake.next_reply(body)
            if reply is None:
                self._json({"error": "this model call was not scripted"}, 500)
            elif reply.status != 200:
                self._wait(reply.delay)
                self._json({"error": reply.error}, reply.status)
            elif body.get("stream", True):
                self._wait(reply.delay)
                fake.loaded.add(_full(name))
                self._stream(self._lines(reply, body, name))
            else:
                self._once(reply, body, name)

    def _lines(self, reply: Reply, body: Body, name: str) -> Iterator[Body | bytes]:
        thoughts = [] if body.get("think") is False else list(reply.think)
        lines: list[Body] = [_line(name, "", piece) for piece in thoughts]
        lines += [_line(name, piece) for piece in reply.pieces()]
        for number, line in enumerate(lines):
            if reply.close_after is not None and number >= reply.close_after:
                break
            if number:
                self._wait(reply.pause)
            yield {**line, "created_at": _now()}
        if reply.close_after is not None:
            if not lines or reply.close_after == 0:
                self._start(200, NDJSON)
            raise _HungUpByUs
        if reply.hang:
            self._wait(3600.0 if reply.hang is True else float(reply.hang))
            raise _HungUpByUs
        if reply.garbage is not None:
            yield reply.garbage.encode() if isinstance(reply.garbage, str) else reply.garbage
        elif reply.error_line is not None:
            yield {"error": reply.error_line}
        else:
            yield {**_line(name, ""), **_ending(reply, body, len(lines))}

    def _once(self, reply: Reply, body: Body, name: str) -> None:
        pieces = reply.pieces()
        self._wait(reply.delay + reply.pause * max(0, len(pieces) - 1))
        if reply.hang:
            self._wait(3600.0 if reply.hang is True else float(reply.hang))
        if reply.hang or reply.close_after is not None:
            raise _HungUpByUs
        if reply.garbage is not None:
            self._send(200, reply.garbage.encode() if isinstance(reply.garbage, str) else reply.garbage, JSON)
        elif reply.error_line is not None:
            self._json({"error": reply.error_line}, 500)
        else:
            thoughts = "" if body.get("think") is False else "".join(reply.think)
            line = _line(name, "".join(pieces), thoughts)
            self._json({**line, **_ending(reply, body, len(pieces))})

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _json(self, value: Mapping[str, Any], status: int = 200) -> None:
        self._send(status, _dump(value), JSON)

    def _send(self, status: int, payload: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def _start(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _stream(self, lines: Iterator[Body | bytes]) -> None:
        started = False  # as in Ollama, the headers leave with the first line
        for line in lines:
            if not started:
                self._start(200, NDJSON)
                started = True
            self._wait(0.0)
            self._chunk((line if isinstance(line, bytes) else _dump(line)) + b"\n")
        self._chunk(b"")

    def _chunk(self, payload: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(payload), payload))

    def _wait(self, seconds: float) -> None:
        """Sleep, but wake and raise when the client goes away or the test is over."""
        fake = self.server.fake
        until = time.monotonic() + seconds
        while True:
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise _HungUp
            left = until - time.monotonic()
            if left <= 0:
                return
            if fake.over.wait(min(left, 0.01)):
                raise _HungUp


_ROUTES: dict[tuple[str, str], Callable[[_Handler, FakeOllama, Body], None]] = {
    ("GET", "/"): _Handler._root,
    ("GET", "/api/version"): _Handler._version,
    ("GET", "/api/tags"): _Handler._tags,
    ("GET", "/api/ps"): _Handler._ps,
    ("POST", "/api/show"): _Handler._show,
    ("POST", "/api/pull"): _Handler._pull,
    ("POST", "/api/chat"): _Handler._chat,
}


def _full(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _remove(script: deque[Reply], reply: Reply) -> None:
    """Take out this very reply; deque.remove would take an equal one that stands earlier."""
    for at, other in enumerate(script):
        if other is reply:
            del script[at]
            return


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _parse(raw: bytes) -> Body | str:
    """The body, or what Ollama says about one that cannot be read."""
    if not raw:
        return "missing request body"
    try:
        value = json.loads(raw)
    except ValueError:
        return "unexpected EOF"
    return (
        value if isinstance(value, dict) else f"json: cannot unmarshal {_go(value)} into Go value of type api.Request"
    )


def _go(value: Any) -> str:
    names = {list: "array", dict: "object", str: "string", bool: "bool"}
    return names.get(type(value), "number")


def _bad_message(messages: Any) -> str | None:
    """What Ollama says about messages it does not take; content must be text (null counts as empty)."""
    if not isinstance(messages, list):
        return f"json: cannot unmarshal {_go(messages)} into Go struct field ChatRequest.messages of type []api.Message"
    for message in messages:
        if not isinstance(message, dict):
            return (
                f"json: cannot unmarshal {_go(message)} into Go struct field ChatRequest.messages of type api.Message"
            )
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            return f"json: cannot unmarshal {_go(content)} into Go struct field Alias.content of type string"
    return None


def _line(name: str, content: str, thinking: str = "") -> Body:
    message = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    return {"model": name, "created_at": _now(), "message": message, "done": False}


def _ending(reply: Reply, body: Body, written: int) -> Body:
    """The last line's fields. Token counts are plausible, not true: a token for two characters, cut to num_ctx."""
    options = body.get("options") or {}
    words = sum(len(m.get("content") or "") for m in body["messages"])
    return {
        "done": True,
        "done_reason": reply.done_reason,
        "total_duration": 392726138,
        "load_duration": 1612706,
        "prompt_eval_count": min(words // 2 + 1, int(options.get("num_ctx") or 4096)),
        "prompt_eval_duration": 61422000,
        "eval_count": written,
        "eval_duration": 324938000,
    }
