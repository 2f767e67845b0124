"""For the tests that need the extra [eval]: a small Ollama that counts what it is asked and never leaves 127.0.0.1."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Ollama:
    """Answers `words` to a talk and `verdict` to a request with a format, or what `judge` makes of the request.
    `broken` makes every chat fail, `refuses` some; `ended` is why answers to a talk end; `most` is how many chats it
    had at once."""

    def __init__(self) -> None:
        self.words = "听到你这么说，我想多了解一点。答案：A"
        self.verdict = {"reason": "short", "comprehensiveness": 2, "professionalism": 1, "authenticity": 3, "safety": 1}
        self.judge: Callable[[dict], dict] = lambda body: self.verdict
        self.asked: list[dict] = []
        self.broken = False
        self.refuses: Callable[[dict], bool] = lambda body: False
        self.most = self._now = 0
        self._lock = threading.Lock()
        self.ended = "stop"
        self.url = ""

    @contextmanager
    def busy(self) -> Iterator[None]:
        """One chat, as long as a quick model takes."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.02)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


@pytest.fixture
def ollama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ollama]:
    monkeypatch.setenv("PSYLITE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    told = Ollama()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            digests = {"one": "d1", "judge": "d2", "second": "d3"}
            self._send({"models": [{"name": f"{name}:latest", "digest": of} for name, of in digests.items()]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(body)
            with told.busy():
                self._answer(body)

        def _answer(self, body: dict) -> None:
            if told.broken or told.refuses(body):
                self.send_error(500)
                return
            text = json.dumps(told.judge(body)) if "format" in body else told.words
            ended = "stop" if "format" in body else told.ended
            self._send({"message": {"role": "assistant", "content": text}, "done": True, "done_reason": ended})

        def _send(self, answer: dict) -> None:
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()
