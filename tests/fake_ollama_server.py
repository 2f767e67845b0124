"""The HTTP side of the scripted Ollama: its routes, its streams, and clients that go away."""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fake_ollama_wire as wire
from fake_ollama_wire import Body, Reply

if TYPE_CHECKING:
    from fake_ollama import FakeOllama


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, fake: FakeOllama, port: int) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up this machine's name, which is slow and not allowed where tests may not use a network
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        gone = isinstance(sys.exc_info()[1], ConnectionError)  # a client that hung up, between two requests too
        if not gone and not self.fake.over.is_set():
            super().handle_error(request, client_address)


class HungUp(Exception):
    """The client is gone, or the test is over."""


class HungUpByUs(Exception):
    """The script says to cut the connection here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

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
        route = ROUTES.get((("GET" if self.command == "HEAD" else self.command), path))
        try:
            if route is None:
                with fake.lock:
                    fake.problems.append(f"unexpected path {self.command} {path}")
                self._send(404, b"404 page not found", "text/plain")
            elif self.command == "POST":
                body = wire.parse(raw)
                if isinstance(body, str):
                    self._json({"error": body}, 400)
                else:
                    route(self, fake, body)
            else:
                route(self, fake, {})
        except HungUpByUs:
            self.close_connection = True
        except (HungUp, ConnectionError):
            self.close_connection = True
            with fake.lock:
                fake.hung_up += not fake.over.is_set()

    # -- the calls ----------------------------------------------------------------------------------------------------

    def _root(self, fake: FakeOllama, body: Body) -> None:
        self._send(200, b"Ollama is running", "text/plain; charset=utf-8")

    def _version(self, fake: FakeOllama, body: Body) -> None:
        self._json({"version": wire.VERSION})

    def _tags(self, fake: FakeOllama, body: Body) -> None:
        details = {**wire.DETAILS, "context_length": 32768, "embedding_length": 640}
        shared = {"modified_at": wire.MODIFIED, "size": wire.SIZE, "digest": wire.DIGEST, "details": details}
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
                "modelfile": f"FROM {wire.full(name)}\nTEMPLATE {template}\nPARAMETER num_ctx 2048\n",
                "parameters": "num_ctx                        2048\ntemperature                    0.7",
                "template": template,
                "details": wire.DETAILS,
                "model_info": info,
                "tensors": [{"name": "output_norm.weight", "type": "F32", "shape": [640]}],
                "capabilities": fake.capabilities,
                "modified_at": wire.MODIFIED,
                "license": "",
            }
        )

    def _pull(self, fake: FakeOllama, body: Body) -> None:
        name = str(body.get("model") or body.get("name") or "")
        known = fake.knows(name) or wire.full(name) in fake.pullable
        base, _, tag = wire.full(name).rpartition(":")
        missing = (
            f'pull model manifest: Get "https://registry.example/v2/library/{base}/manifests/{tag}": '
            "dial tcp: lookup registry.example: no such host"
        )
        last = {"status": "success"} if known else {"error": missing}  # the success is not recorded
        if known and not fake.knows(name):
            fake.models.append(wire.full(name))
        if body.get("stream", True):
            self._stream(iter([{"status": "pulling manifest"}, last]))
        else:
            self._json(last, 200 if known else 500)

    def _chat(self, fake: FakeOllama, body: Body) -> None:
        messages = body.get("messages") or []
        with fake.lock:
            (fake.calls if messages else fake.loads).append(body)
        problem = wire.bad_message(messages)
        name = str(body.get("model") or "")
        if problem:
            self._json({"error": problem}, 400)
        elif not fake.knows(name):
            self._json({"error": f"model '{name}' not found"}, 404)
        elif not messages:
            line = {**wire.line(name, ""), "done": True, "done_reason": "load"}
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
                fake.loaded.add(wire.full(name))
                self._stream(self._lines(reply, body, name))
            else:
                self._once(reply, body, name)

    def _lines(self, reply: Reply, body: Body, name: str) -> Iterator[Body | bytes]:
        thoughts = [] if body.get("think") is False else list(reply.think)
        lines: list[Body] = [wire.line(name, "", piece) for piece in thoughts]
        lines += [wire.line(name, piece) for piece in reply.pieces()]
        for number, line in enumerate(lines):
            if reply.close_after is not None and number >= reply.close_after:
                break
            if number:
                self._wait(reply.pause)
            yield {**line, "created_at": wire.now()}
        if reply.close_after is not None:
            if not lines or reply.close_after == 0:
                self._start(200, wire.NDJSON)
            raise HungUpByUs
        if reply.hang:
            self._wait(3600.0 if reply.hang is True else float(reply.hang))
            raise HungUpByUs
        if reply.garbage is not None:
            yield reply.garbage.encode() if isinstance(reply.garbage, str) else reply.garbage
        elif reply.error_line is not None:
            yield {"error": reply.error_line}
        else:
            yield {**wire.line(name, ""), **wire.ending(reply, body, len(lines))}

    def _once(self, reply: Reply, body: Body, name: str) -> None:
        pieces = reply.pieces()
        self._wait(reply.delay + reply.pause * max(0, len(pieces) - 1))
        if reply.hang:
            self._wait(3600.0 if reply.hang is True else float(reply.hang))
        if reply.hang or reply.close_after is not None:
            raise HungUpByUs
        if reply.garbage is not None:
            self._send(200, reply.garbage.encode() if isinstance(reply.garbage, str) else reply.garbage, wire.JSON)
        elif reply.error_line is not None:
            self._json({"error": reply.error_line}, 500)
        else:
            thoughts = "" if body.get("think") is False else "".join(reply.think)
            line = wire.line(name, "".join(pieces), thoughts)
            self._json({**line, **wire.ending(reply, body, len(pieces))})

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _json(self, value: Mapping[str, Any], status: int = 200) -> None:
        self._send(status, wire.dump(value), wire.JSON)

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
                self._start(200, wire.NDJSON)
                started = True
            self._wait(0.0)
            self._chunk((line if isinstance(line, bytes) else wire.dump(line)) + b"\n")
        self._chunk(b"")

    def _chunk(self, payload: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(payload), payload))

    def _wait(self, seconds: float) -> None:
        """Sleep, but wake and raise when the client goes away or the test is over."""
        fake = self.server.fake
        until = time.monotonic() + seconds
        while True:
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise HungUp
            left = until - time.monotonic()
            if left <= 0:
                return
            if fake.over.wait(min(left, 0.01)):
                raise HungUp


ROUTES: dict[tuple[str, str], Callable[[Handler, FakeOllama, Body], None]] = {
    ("GET", "/"): Handler._root,
    ("GET", "/api/version"): Handler._version,
    ("GET", "/api/tags"): Handler._tags,
    ("GET", "/api/ps"): Handler._ps,
    ("POST", "/api/show"): Handler._show,
    ("POST", "/api/pull"): Handler._pull,
    ("POST", "/api/chat"): Handler._chat,
}
