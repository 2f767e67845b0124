"""The compose project under test, and a person at Open WebUI's API."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from stack_tests.engine import Engine, run
from stack_tests.images import ROOT, Images

KEY = "test-key-of-the-pipelines-server"


class Project:
    """`program` on the project's own file, with secrets and free port of the test."""

    def __init__(self, engine: Engine, images: Images, webui: Path, folder: Path) -> None:
        self.program = "docker-compose"  # 1.29; a test may go on with Compose v2
        self.engine = engine
        self.images = images
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.settings = {
            "COMPOSE_PROJECT_NAME": "psylitetest",
            "PIPELINES_API_KEY": KEY,
            "WEBUI_SECRET_KEY": "test-secret-of-open-webui-0123456789",
            "PSYLITE_WEBUI_PORT": str(self.port),
        }
        if not engine.own:
            self.settings |= {
                "PYTHON_IMAGE": images.python, "OLLAMA_IMAGE": images.ollama, "WEBUI_IMAGE": images.webui,
            }  # fmt: skip

        self._override = folder / "webui.json"  # laid over the compose file
        self._override.write_text(json.dumps({"services": {"open-webui": _mounted(webui)}}), encoding="utf-8")

    @property
    def url(self) -> str:
        """Where Open WebUI is published."""
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str, check: bool = True, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the program; `changed` replaces settings."""
        settings = self.folder / "env"
        settings.write_text("".join(f"{k}={v}\n" for k, v in (self.settings | changed).items()), encoding="utf-8")
        files = ["-f", ROOT / "docker-compose.yml", "-f", self._override]
        command = [self.program, "--project-directory", ROOT, "--env-file", settings, *files, *arguments]
        return run(command, self.engine.environment, check=check, timeout=900)

    def up(self) -> float:
        """Start everything and wait until it is healthy; the seconds that took."""
        begun = time.monotonic()
        self.compose("up", "-d", "--no-build")
        for service in ("ollama", "pipelines", "open-webui"):
            self.wait_healthy(service)
        return time.monotonic() - begun

    def container(self, service: str) -> str:
        """The id of the service's container, running or not."""
        label = f"label=com.docker.compose.service={service}"
        found = self.engine.docker(
            "ps", "-aq", "--filter", label, "--filter", "label=com.docker.compose.project=psylitetest"
        )
        return found.stdout.split()[0]

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of the service's container."""
        return json.loads(self.engine.docker("inspect", self.container(service)).stdout)[0]

    def wait_healthy(self, service: str, seconds: float = 400) -> float:
        """Wait; the seconds that took. AssertionError with the container's log when it takes too long."""
        begun = time.monotonic()
        while self.inspect(service)["State"].get("Health", {}).get("Status") != "healthy":
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"{service} is not healthy after {seconds:.0f} s:\n{self.log(service)[-3000:]}")
            time.sleep(0.5)
        return time.monotonic() - begun

    def inside(self, service: str, *command: str, check: bool = True) -> str:
        """Run a command in the service's container; what it said."""
        return self.engine.docker("exec", self.container(service), *command, check=check).stdout

    def log(self, service: str) -> str:
        """All the container has written."""
        done = self.engine.docker("logs", self.container(service))
        return done.stdout + done.stderr

    def model_calls(self) -> int:
        """How many chats reached the model since its container was made."""
        return self.log("ollama").splitlines().count("chat")


def _mounted(environment: Path) -> dict[str, Any]:
    """What a container needs to run the environment: it, and its Python where that is not the system's."""
    python = (environment / "bin" / "python").resolve()
    folders = [environment.resolve(), *([] if python.is_relative_to("/usr/bin") else [python.parent.parent])]
    return {
        "volumes": [f"{folder}:{folder}:ro" for folder in folders],
        "environment": {"WEBUI_PYTHON": str(environment.resolve() / "bin" / "python")},
    }


class Person:
    """Somebody with an account, at Open WebUI's API."""

    def __init__(self, url: str, name: str, path: str = "signin") -> None:
        self.client = httpx.Client(base_url=url, timeout=120, trust_env=False)
        self.account = {"name": name, "email": f"{name}@example.org", "password": "a-long-password-1"}
        answer = self.client.post(f"/api/v1/auths/{path}", json=self.account)
        self.role = answer.raise_for_status().json()["role"]
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def adds(self, url: str, name: str) -> Person:
        """The admin's way to give somebody else an account."""
        account = {**self.account, "name": name, "email": f"{name}@example.org", "role": "user"}
        self.client.post("/api/v1/auths/add", json=account).raise_for_status()
        return Person(url, name)

    def models(self) -> list[str]:
        """The models this person sees."""
        return [model["id"] for model in self.client.get("/api/models").raise_for_status().json()["data"]]

    def keeps(self, title: str) -> None:
        """Write an empty talk of this title into Open WebUI's database, as the page does before the first turn."""
        self.client.post("/api/v1/chats/new", json={"chat": {"title": title, "messages": []}}).raise_for_status()

    def kept(self) -> list[str]:
        """The titles of the talks that Open WebUI has kept."""
        return [chat["title"] for chat in self.client.get("/api/v1/chats/").raise_for_status().json()]

    def says(self, text: str) -> str:
        """One turn, whole."""
        return "".join(self.hears(text, stream=False))

    def hears(self, text: str, *, stream: bool = True) -> Iterator[str]:
        """One turn, piece by piece."""
        body = {"model": "psylite", "stream": stream, "messages": [{"role": "user", "content": text}]}
        with self.client.stream("POST", "/api/chat/completions", json=body) as answer:
            if answer.status_code != 200:
                raise AssertionError(f"{answer.status_code}: {answer.read().decode(errors='replace')[:500]}")
            if not stream:
                yield json.loads(answer.read())["choices"][0]["message"]["content"]
                return
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:]).get("choices", []):
                        yield choice.get("delta", {}).get("content") or ""
