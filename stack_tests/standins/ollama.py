#!/usr/bin/env python3
"""Stands in for the program `ollama` where its image cannot be had: the commands the compose file uses, and a server
that speaks the recorded protocol (tests/fake_ollama.py). Writes a line to its log for each chat, never a word of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import fake_ollama_server
from fake_ollama import FakeOllama, Reply
from fake_ollama_wire import full

KEPT = Path("/root/.ollama/models.json")
WEIGHTS = "Juneup/internlm2.5_7b_distill:orpo_q4_k_m"
HOST, _, PORT = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434").partition(":")


class _Server(fake_ollama_server.Server):
    def server_bind(self) -> None:
        self.server_address = (HOST, int(PORT or 11434))
        super().server_bind()


def _answer(body: dict[str, Any]) -> Reply:
    sys.stderr.write("chat\n")
    if "慢慢" in body["messages"][-1]["content"]:
        return Reply([f"第{number}句。" for number in range(1, 161)], pause=0.25)
    return Reply(["嗯，", "我在听。"])


def _create(handler: Any, fake: FakeOllama, body: dict[str, Any]) -> None:
    if not fake.knows(body["from"]):
        handler._json({"error": "pull model manifest: file does not exist"}, 500)
        return
    if not fake.knows(body["model"]):
        fake.models.append(full(body["model"]))
    handler._json({"status": "success"})


def _serve() -> int:
    known = json.loads(KEPT.read_text()) if KEPT.exists() else []
    fake = FakeOllama(known, pullable=[WEIGHTS]).otherwise(_answer)
    fake_ollama_server.ROUTES["POST", "/api/create"] = _create
    fake._server.server_close()
    fake._server = _Server(fake, 0)
    threading.Thread(target=fake._server.serve_forever, args=(0.05,), daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(fake.models))
    return 0


def _ask(path: str, body: dict[str, Any] | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Status and lines; status 0 when no server answers."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT or 11434}{path}", data, timeout=20) as answer:
            return answer.status, [json.loads(line) for line in answer.read().splitlines()]
    except urllib.error.HTTPError as error:
        return error.code, []
    except OSError:
        return 0, []


def main() -> int:
    """The exit code."""
    command, *rest = sys.argv[1:]
    if command == "serve":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        return _serve()
    if command == "list":
        status, lines = _ask("/api/tags")
        sys.stdout.writelines(f"{model['name']}\n" for line in lines for model in line["models"])
        return status != 200
    if command == "show":
        return _ask("/api/show", {"model": rest[0]})[0] != 200
    if command == "pull":
        status, lines = _ask("/api/pull", {"model": rest[0]})
        return status != 200 or any("error" in line for line in lines)
    if command == "create" and rest[1] == "-f":
        lines = Path(rest[2]).read_text(encoding="utf-8").splitlines()
        source = next(line.split()[1] for line in lines if line.startswith("FROM "))
        return _ask("/api/create", {"model": rest[0], "from": source})[0] != 200
    sys.stderr.write(f"the stand-in has no command {command}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
