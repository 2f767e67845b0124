"""`psylite up`, `down` and `clean` as commands: what they start, stop, keep and say."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import platformdirs
import pytest
from pipelines_server import free_port, until
from rich.console import Console

from psylite_pipeline import listing
from psylite_pipeline.errors import StackError
from psylite_pipeline.opening import open_shelf
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import processes, standin, up
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.teller import Teller


def command(*words):
    return [sys.executable, "-c", "from psylite_pipeline.cli import main; main()", *words]


class Up:
    """`psylite up --no-webui` in a process of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.data = folder / "data"
        self.out = folder / "up.log"
        self.environment = {
            **os.environ,
            "PSYLITE_DATA_DIR": str(self.data),
            "PSYLITE_PIPELINES_PORT": str(self.port),
            "PSYLITE_STANDIN_PORT": str(free_port()),
            **environment,
        }
        self.process = self.begin()

    def begin(self) -> subprocess.Popen[bytes]:
        with self.out.open("wb") as output:
            return subprocess.Popen(
                command("up", "--no-webui"), env=self.environment, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self.out.read_text()

    def ready(self, seconds=120.0):
        until(lambda: "Ctrl-C stops everything" in self.said or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.said

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def psylite(self, *words):
        return subprocess.run(command(*words), env=self.environment, capture_output=True, text=True, check=False)


def test_without_the_server_nothing_is_fetched_and_the_cure_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setattr(up, "_get_model", lambda *_: pytest.fail("a model was fetched"))
    with pytest.raises(StackError, match="`make up`"):
        up.up(Settings.load(data_dir=tmp_path / "data"), Console(file=io.StringIO()))
    assert not (tmp_path / "data").exists()


@pytest.fixture
def stack(tmp_path, ollama):
    running = Up(tmp_path, OLLAMA_BASE_URL=ollama.url)
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(30)
        running.psylite("down")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_up_answers_and_every_way_to_stop_it_stops_all(stack, ollama, number):
    from fake_ollama import Reply

    stack.ready()
    assert "stand-in" not in stack.said  # this Ollama has the model
    key = (stack.data / "pipelines.key").read_text()
    ollama.script(Reply(["我在。"]))
    answer = httpx.post(
        f"http://127.0.0.1:{stack.port}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "psylite", "stream": False, "messages": [{"role": "user", "content": "今天有点累"}]},
        timeout=60,
        trust_env=False,
    )
    assert answer.json()["choices"][0]["message"]["content"].startswith("我在。")
    stack.process.send_signal(number)
    assert stack.process.wait(30) == 0
    assert not stack.answers()
    assert not list((stack.data / "run").glob("*.json"))
    for log in (stack.data / "logs").iterdir():
        assert log.stat().st_mode & 0o777 == 0o600
        assert "累" not in log.read_text()


def test_up_says_that_parts_are_damaged_and_when_the_judgement_is_loaded(tmp_path, ollama):
    (tmp_path / "knowledge").mkdir()
    running = Up(tmp_path, OLLAMA_BASE_URL=ollama.url, PSYLITE_KNOWLEDGE_DIR=str(tmp_path / "knowledge"))
    try:
        running.ready()
        assert "faults: run `.venv/bin/psylite doctor`" in running.said
        assert "Pipelines answers (" in running.said
    finally:
        running.process.terminate()
        running.process.wait(30)
        running.psylite("down")


def test_up_says_that_saved_valves_were_lost_and_a_second_one_whose_the_port_is(stack, tmp_path, ollama):
    stack.process.terminate()
    stack.process.wait(30)
    saved = stack.data / "pipelines" / "psylite" / "valves.json"
    saved.parent.mkdir(parents=True, exist_ok=True)
    saved.write_text('{"region":"HK"')
    stack.process = stack.begin()
    stack.ready()
    assert "names a fault: run `.venv/bin/psylite doctor`" in stack.said
    second = Settings.load(data_dir=tmp_path / "second", pipelines_port=stack.port, ollama_url=ollama.url)
    with pytest.raises(StackError, match="in use by PsyLite with another data folder"):
        up.up(second, Console(quiet=True), with_webui=False)


def test_down_stops_what_a_killed_up_left_behind(stack):
    stack.ready()
    stack.process.kill()
    stack.process.wait()
    assert stack.answers()
    assert "pipelines" in stack.psylite("down").stdout
    assert not stack.answers()
    assert f"Nothing of ours is running in {stack.data}." in stack.psylite("down").stdout


def test_a_new_start_clears_what_a_killed_one_left_and_a_dead_part_is_started_again(stack):
    stack.ready()
    stack.process.kill()
    stack.process.wait()
    stack.process = stack.begin()
    stack.ready()
    assert "left behind: pipelines" in stack.said
    os.kill(json.loads((stack.data / "run" / "pipelines.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: "started again" in stack.said)
    until(stack.answers)


def test_down_stops_a_running_up_and_clean_removes_everything(stack):
    stack.ready()
    assert "psylite up" in stack.psylite("down").stdout
    assert stack.process.wait(30) == 0
    (stack.data / "theirs.txt").write_text("not ours")
    Settings.load(data_dir=stack.data).webhook_salt.write_text("salt")
    said = stack.psylite("clean", "--yes").stdout
    assert "theirs.txt" in said
    assert f"Removing {stack.data}" in said
    assert [path.name for path in stack.data.iterdir()] == ["theirs.txt"]
    (stack.data / "theirs.txt").unlink()
    stack.psylite("clean", "--yes")
    assert not stack.data.exists()


def test_clean_removes_nothing_from_a_folder_that_was_there_before_us(tmp_path):
    theirs = [tmp_path / name / "thesis.txt" for name in ("logs", "run", "snippets", "index", "standin", "webui")]
    for path in theirs:
        path.parent.mkdir()
        path.write_text("mine")
    layout = Layout(tmp_path)
    layout.make()
    said = io.StringIO()
    up.clean(Settings.load(data_dir=tmp_path), Console(file=said, width=500))
    assert all(path.read_text() == "mine" for path in theirs)
    assert "nothing is removed" in said.getvalue()
    assert "pipelines" in said.getvalue()


@pytest.mark.parametrize("first", ["up", "server"])
def test_a_new_data_folder_is_for_its_owner_alone_whoever_makes_it(tmp_path, first):
    folder = tmp_path / "data"
    if first == "up":
        Layout(folder).make()
    else:
        open_shelf(Settings.load(data_dir=folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    Layout(folder).make()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_plugin_that_cannot_load_is_reported_and_nothing_is_left_running(tmp_path, ollama):
    broken = Up(tmp_path, OLLAMA_BASE_URL=ollama.url, PSYLITE_NUM_CTX="not a number")
    assert broken.process.wait(60) == 1
    assert "PSYLITE_NUM_CTX" in broken.said
    assert not broken.answers()


def test_up_with_a_taken_port_starts_nothing(tmp_path, ollama, monkeypatch):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        settings = Settings.load(
            data_dir=tmp_path / "data", pipelines_port=holder.getsockname()[1], ollama_url=ollama.url
        )
        with pytest.raises(StackError, match="PSYLITE_PIPELINES_PORT"):
            up.up(settings, Console(quiet=True), with_webui=False)
    assert not list((tmp_path / "data" / "run").glob("*.json"))


@pytest.mark.timeout(1000)  # where the model must be fetched first
def test_the_stand_in_speaks_a_first_real_token(tmp_path):
    kept = Path(os.environ.get("PSYLITE_TEST_STANDIN") or platformdirs.user_cache_path("psylite-tests"))
    if not standin.is_ready(kept):
        if not os.environ.get("CI"):
            pytest.skip(
                "the stand-in model, 1.1 GB, is fetched only in CI; PSYLITE_TEST_STANDIN names a folder with it"
            )
        fetch = [sys.executable, "-m", "psylite_pipeline.stack.standin", "fetch", "--data-dir", str(kept)]
        subprocess.run(fetch, check=True, timeout=600)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "standin").symlink_to(kept)
    stack = Up(tmp_path, OLLAMA_BASE_URL=f"http://127.0.0.1:{free_port()}", PATH="/nowhere")
    try:
        stack.ready(200)
        assert "stand-in" in stack.said
        assert "not for people in need" in stack.said
        key = (stack.data / "pipelines.key").read_text()
        body = {"model": "psylite", "stream": True, "messages": [{"role": "user", "content": "你好，今天天气不错。"}]}
        headers = {"Authorization": f"Bearer {key}"}
        at = f"http://127.0.0.1:{stack.port}/v1/chat/completions"
        with httpx.stream("POST", at, headers=headers, json=body, timeout=250, trust_env=False) as answer:
            events = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: {"))
            pieces = (choice["delta"].get("content") for event in events for choice in event.get("choices", []))
            assert next(piece for piece in pieces if piece and piece.strip())
    finally:
        stack.process.terminate()
        stack.process.wait(30)
        stack.psylite("down")


OLLAMA_PROGRAM = """#!{python}
import http.server, json, os, sys

assert sys.argv[1:] == ["serve"]
models = []


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, body, status=200):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() + b"\\n")

    def do_GET(self):
        if self.path == "/api/tags":
            self.answer({{"models": [{{"name": name}} for name in models]}})
        else:
            self.answer({{"version": "0"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print(self.path, body, flush=True)
        if self.path == "/api/pull" and {refuse}:
            return self.answer({{"error": "no such model"}}, 404)
        if self.path == "/api/create":
            models.append(body["model"] + ":latest")
        self.answer({{"status": "success", "total": 5, "completed": 5}})


host, port = os.environ["OLLAMA_HOST"].split(":")
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


def a_program(folder, *, refuse=False):
    folder.mkdir()
    (folder / "ollama").write_text(OLLAMA_PROGRAM.format(python=sys.executable, refuse=refuse))
    (folder / "ollama").chmod(0o755)
    return str(folder)


def test_an_ollama_on_the_path_is_started_told_to_make_the_model_and_stopped(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    stack = Up(tmp_path, OLLAMA_BASE_URL=url, PATH=a_program(tmp_path / "bin"))
    try:
        stack.ready()
        asked = (stack.data / "logs" / "ollama.log").read_text()
        assert asked.index("/api/pull") < asked.index("/api/create")
        made = ast.literal_eval(asked.partition("/api/create ")[2].splitlines()[0])
        assert made["from"] == Settings.load().weights
        lines = [f"FROM {made['from']}", *(f"PARAMETER {name} {value}" for name, value in made["parameters"].items())]
        recipe = (bundled("model") / "Modelfile").read_text(encoding="utf-8").splitlines()
        assert [*lines, f'SYSTEM """{made["system"]}"""'] == [line for line in recipe if not line.startswith("#")]
        assert listing.of_ollama(url) == ["psylite:latest"]
        assert "stand-in" not in stack.said
    finally:
        stack.process.terminate()
        stack.process.wait(30)
    assert listing.of_ollama(url) is None


def test_an_ollama_that_cannot_fetch_the_model_gives_way_to_the_stand_in(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", a_program(tmp_path / "bin", refuse=True))
    monkeypatch.setattr(standin, "is_ready", lambda folder: True)
    layout, parts, console = Layout(tmp_path / "data"), [], Console(record=True, quiet=True)
    layout.make()
    settings = Settings.load(ollama_url=f"http://127.0.0.1:{free_port()}", standin_port=free_port())
    try:
        model = up._get_model(settings, layout, Teller(console), parts)
    finally:
        processes.stop_all([part.child for part in parts])
    assert model.standin
    assert [part.label for part in parts] == ["Ollama"]


def test_a_server_of_another_protocol_is_taken_as_it_is(tmp_path):
    settings = Settings.load(backend="openai", openai_url="http://127.0.0.1:8000/v1", model="qwen")
    model = up._get_model(settings, Layout(tmp_path), Teller(Console(quiet=True)), [])
    assert (model.url, model.model, model.standin) == ("http://127.0.0.1:8000/v1", "qwen", False)


def test_neither_a_silent_ollama_nor_a_stand_in_that_cannot_be_fetched_ends_the_start(tmp_path, monkeypatch):
    def fails(*_):
        raise StackError("It cannot be had.")

    monkeypatch.setattr(up.ollama, "start_ollama", fails)
    monkeypatch.setattr(standin, "ensure_model", fails)
    monkeypatch.setattr(standin, "is_ready", lambda folder: False)
    console = Console(record=True, file=io.StringIO())
    settings = Settings.load(ollama_url=f"http://127.0.0.1:{free_port()}", standin_port=free_port())
    assert up._get_model(settings, Layout(tmp_path), Teller(console), []).standin
    assert "whoever is in danger is answered" in " ".join(console.export_text().split())
