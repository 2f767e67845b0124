"""Starts what is measured: the scripted Ollama and the real Pipelines server, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY = "key-for-benchmarks"


@dataclass(frozen=True, slots=True)
class Started:
    """A server that runs: its address and process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path | None = None


def free_port() -> int:
    """A port of this machine that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def scripted_ollama(*, delay: float, pace: float, tokens: int, port: int = 0) -> Iterator[Started]:
    """The scripted Ollama (scripted_ollama.py)."""
    port = port or free_port()
    script = ["--port", port, "--delay", delay, "--pace", pace, "--tokens", tokens]
    command = [sys.executable, "-m", "benchmarks.scripted_ollama", *map(str, script)]
    with _running(command, f"http://127.0.0.1:{port}", {}) as started:
        yield started


@contextmanager
def pipelines(
    ollama_url: str, data: Path | None = None, loaders: Path = ROOT / "pipelines", **environment: str
) -> Iterator[Started]:
    """The real Pipelines server with our two plugins, as `psylite up` starts it. `data` keeps the index."""
    with tempfile.TemporaryDirectory(prefix="psylite-bench-") as kept:
        folder = Path(kept)
        (folder / "pipelines").mkdir()
        for loader in loaders.glob("*.py"):
            shutil.copy(loader, folder / "pipelines")
        port = free_port()
        settings = {
            "MALLOC_ARENA_MAX": "2",
            "PIPELINES_DIR": str(folder / "pipelines"),
            "PIPELINES_API_KEY": KEY,
            "OLLAMA_BASE_URL": ollama_url,
            "PSYLITE_DATA_DIR": str(data or folder / "data"),
            "PSYLITE_PIPELINES_PORT": str(port),
            **environment,
        }
        command = [sys.executable, "-m", "psylite_pipeline.stack.server"]
        with _running(command, f"http://127.0.0.1:{port}", settings, folder / "server.log") as started:
            yield started


def wait_for(process: subprocess.Popen[bytes], url: str, seconds: float, log: Path | None = None) -> None:
    """Return when `url` answers. Raises RuntimeError when the process ends or takes longer than `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer. {log.read_text()[-2000:] if log else ''}")


@contextmanager
def _running(command: list[str], url: str, environment: dict[str, str], log: Path | None = None) -> Iterator[Started]:
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output if log else None, cwd=ROOT
        )
    try:
        wait_for(process, url, 400, log)
        yield Started(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
