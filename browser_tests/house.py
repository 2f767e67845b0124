"""The whole house as a laptop runs it: `psylite up` with accounts, and the tests' scripted Ollama behind it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from psylite_pipeline.stack.layout import Layout

#: Where the first account comes from; the tests sign in with it.
ADMIN = {"name": "管理员", "email": "admin@example.org", "password": "a-long-password-1"}


class House:
    """`webui` is an environment with Open WebUI, used as it is. Everything else lives in `folder`."""

    def __init__(self, folder: Path, webui: Path, ollama_url: str) -> None:
        self.layout = Layout(folder / "data")
        self.layout.root.mkdir(parents=True)
        self.layout.webui_venv.symlink_to(webui)
        self.log = folder / "up.log"
        self.webui_port, self.pipelines_port = free_port(), free_port()
        self._environment = {
            **os.environ,
            "OLLAMA_BASE_URL": ollama_url,
            "PSYLITE_ACCOUNTS": "true",
            "PSYLITE_DATA_DIR": str(self.layout.root),
            "PSYLITE_PIPELINES_PORT": str(self.pipelines_port),
            "PSYLITE_WEBUI_PORT": str(self.webui_port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Open WebUI."""
        return f"http://127.0.0.1:{self.webui_port}"

    @property
    def said(self) -> str:
        """What `psylite up` has told."""
        return self.log.read_text(encoding="utf-8")

    def start(self) -> None:
        """Returns when everything answers. AssertionError with what was told when it does not come to that."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-c", "from psylite_pipeline.cli import main; main()", "up"]
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        until(lambda: "Ctrl-C stops everything" in self.said or self._process.poll() is not None, 900)
        assert self._process.poll() is None, self.said

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def kill_pipelines(self) -> None:
        """The Pipelines server ends at once; `psylite up` will start it again."""
        os.kill(json.loads((self.layout.run / "pipelines.json").read_text())["pid"], signal.SIGKILL)
        until(lambda: not self.pipelines_answers())

    def pipelines(self, method: str = "GET", path: str = "/", **request: Any) -> httpx.Response:
        """Ask the Pipelines server itself, past Open WebUI."""
        headers = {"Authorization": f"Bearer {self.layout.pipelines_key.read_text()}", **request.pop("headers", {})}
        at = f"http://127.0.0.1:{self.pipelines_port}{path}"
        return httpx.request(method, at, headers=headers, timeout=10, trust_env=False, **request)

    def valves(self, plugin: str) -> dict[str, Any]:
        """The valves that the Pipelines server goes by."""
        return self.pipelines(path=f"/{plugin}/valves").raise_for_status().json()

    def pipelines_answers(self) -> bool:
        """Whether the Pipelines server is there."""
        try:
            return self.pipelines(path="/v1/models").status_code == 200
        except httpx.TransportError:
            return False

    def add_account(self, name: str, email: str) -> dict[str, str]:
        """The admin's way to give somebody an account; what to sign in with."""
        account = {"name": name, "email": email, "password": "a-long-password-2", "role": "user"}
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            token = client.post("/api/v1/auths/signin", json=ADMIN).raise_for_status().json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            client.post("/api/v1/auths/add", json=account, headers=headers).raise_for_status()
        return account


def until(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait for `condition`; AssertionError when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
