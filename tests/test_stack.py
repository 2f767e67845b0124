"""`psylite up`, `down` and `clean`: what they start, stop, keep and say."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import platformdirs
import pytest
from pipelines_server import free_port
from rich.console import Console

from psylite_pipeline.errors import StackError
from psylite_pipeline.secret import secret
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import install, ollama, pipelines, ports, processes, standin, up, webui
from psylite_pipeline.stack.alone import alone
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.ollama import ModelServer
from psylite_pipeline.stack.teller import Teller

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(300)"]


@pytest.fixture
def layout(tmp_path):
    found = Layout(tmp_path / "data")
    found.make()
    return found


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# The data folder


def test_folders_and_secrets_are_for_the_owner_alone(layout):
    key = secret(layout.pipelines_key)
    assert len(key) >= 32
    assert secret(layout.pipelines_key) == key
    for folder in (layout.root, layout.pipelines, layout.logs, layout.run):
        assert folder.stat().st_mode & 0o077 == 0
    assert layout.pipelines_key.stat().st_mode & 0o777 == 0o600
    layout.pipelines_key.chmod(0o644)
    secret(layout.pipelines_key)
    assert layout.pipelines_key.stat().st_mode & 0o777 == 0o600


def test_two_starts_at_once_agree_on_the_secret(layout):
    path = str(layout.pipelines_key)
    script = f"import pathlib; from psylite_pipeline.secret import secret; print(secret(pathlib.Path({path!r})))"
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({one.communicate()[0] for one in both}) == 1


def test_an_empty_secret_is_not_used(layout):
    layout.pipelines_key.write_text("")
    with pytest.raises(StackError, match="Delete it"):
        secret(layout.pipelines_key)


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="PSYLITE_DATA_DIR"):
        Layout(tmp_path / "file" / "data").make()


# Processes


def test_a_child_is_stopped_with_all_it_started(layout):
    code = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    child = processes.start("family", [sys.executable, "-c", code, *SLEEPER], os.environ, layout)
    until(lambda: "awake" in child.last_words())
    assert child.log.stat().st_mode & 0o777 == 0o600
    child.stop()
    with pytest.raises(ProcessLookupError):
        os.killpg(child.process.pid, 0)
    assert not child.record.exists()


def test_a_child_that_ignores_the_polite_signal_is_killed(layout):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('awake', flush=True); time.sleep(300)"
    child = processes.start("stubborn", [sys.executable, "-c", code], os.environ, layout)
    until(lambda: "awake" in child.last_words())
    child.stop(patience=0.5)
    assert child.process.returncode == -signal.SIGKILL


def test_a_record_whose_number_belongs_to_somebody_else_now_stops_nobody(layout):
    child = processes.start("other", SLEEPER, os.environ, layout)
    try:
        record = json.loads(child.record.read_text())
        child.record.write_text(json.dumps({**record, "born": "an earlier time"}))
        assert processes.recorded(child.record) is None
        assert not processes.stop_recorded(child.record)
        assert not child.ended
        child.record.write_text(json.dumps(record))
        assert processes.recorded(child.record) == child.process.pid
    finally:
        child.stop()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', '{"pid": 1, "born": ""}'])
def test_a_broken_record_stops_nobody(layout, text):
    record = layout.run / "broken.json"
    record.write_text(text)
    assert processes.recorded(record) is None
    assert not processes.stop_recorded(record)


def test_a_program_that_is_not_there_is_a_sentence(layout):
    with pytest.raises(StackError, match="cannot be started"):
        processes.start("none", ["/nowhere/at-all"], os.environ, layout)


def test_only_one_up_at_a_time(layout):
    with alone(layout):
        code = "import sys; from pathlib import Path; from psylite_pipeline.stack.alone import alone; "
        code += (
            f"from psylite_pipeline.stack.layout import Layout\nwith alone(Layout(Path({str(layout.root)!r}))): pass"
        )
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"already running (process {os.getpid()})" in second.stderr
    with alone(layout):
        pass


# Ports


def test_a_port_in_use_is_named_with_its_holder_and_the_cure():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StackError) as refusal:
            ports.demand_free(port, "Open WebUI", "PSYLITE_WEBUI_PORT")
    assert str(port) in str(refusal.value)
    assert "PSYLITE_WEBUI_PORT" in str(refusal.value)
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in str(refusal.value)
    ports.demand_free(port, "Open WebUI", "PSYLITE_WEBUI_PORT")


# Loader files


def test_our_loader_files_are_renewed_and_an_admins_files_stay(layout):
    (layout.pipelines / "psylite.py").write_text("old")
    (layout.pipelines / "theirs.py").write_text("theirs")
    (layout.pipelines / "psylite").mkdir()
    (layout.pipelines / "psylite" / "valves.json").write_text('{"humour": false}')
    (layout.pipelines / "failed").mkdir()
    (layout.pipelines / "failed" / "psylite.py").write_text("old")
    assert pipelines.install_loaders(layout) == ["psylite", "psylite_filter"]
    assert (layout.pipelines / "psylite.py").read_bytes() == (bundled("pipelines") / "psylite.py").read_bytes()
    assert (layout.pipelines / "theirs.py").read_text() == "theirs"
    assert (layout.pipelines / "psylite" / "valves.json").read_text() == '{"humour": false}'
    assert pipelines.failed(layout, ["psylite"]) == []


def test_pipelines_is_bound_to_this_machine_whatever_is_set(layout, monkeypatch):
    monkeypatch.setenv("PSYLITE_PIPELINES_HOST", "0.0.0.0")
    monkeypatch.setenv("GLOBAL_LOG_LEVEL", "DEBUG")
    told = pipelines.environment(Settings.load(), layout, "k" * 32, ModelServer("http://127.0.0.1:1", "m", True))
    assert told["PSYLITE_PIPELINES_HOST"] == "127.0.0.1"
    assert told["GLOBAL_LOG_LEVEL"] == "WARNING"
    assert told["PSYLITE_STANDIN"] == "true"


# Open WebUI


def test_open_webui_is_told_everything_and_inherits_nothing(layout, monkeypatch):
    monkeypatch.setenv("ENABLE_OLLAMA_API", "true")
    monkeypatch.setenv("OPENAI_API_KEY", "somebody's own")
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere")
    told = webui.environment(Settings.load(webui_port=1234), layout, "key", "secret", accounts=False)
    assert told["ENABLE_OLLAMA_API"] == "false"
    assert told["OPENAI_API_KEYS"] == "key"
    assert "*" not in told["CORS_ALLOW_ORIGIN"]
    assert not {"OPENAI_API_KEY", "DATABASE_URL"} & told.keys()
    assert all(told[name] == "false" for name in told if re.fullmatch("ENABLE_.*_GENERATION", name))


def test_with_accounts_it_has_another_database(layout):
    open_house = webui.environment(Settings.load(), layout, "key", "secret", accounts=False)
    accounts = webui.environment(Settings.load(), layout, "key", "secret", accounts=True)
    assert (open_house["WEBUI_AUTH"], accounts["WEBUI_AUTH"]) == ("false", "true")
    assert open_house["DATA_DIR"] != accounts["DATA_DIR"]


def test_without_cuda_only_cuda_goes():
    lock = (bundled("requirements") / "webui.txt").read_text()
    left = install.without_cuda(lock)
    names = {line.split("==")[0] for line in left.splitlines() if line[:1].isalpha()}
    gone = {line.split("==")[0] for line in lock.splitlines() if line[:1].isalpha()} - names
    assert {"torch", "triton"} <= gone
    assert all(name in {"torch", "triton"} or name.startswith(("nvidia-", "cuda-")) for name in gone)
    assert {"open-webui", "sentence-transformers"} <= names
    assert left.count("--hash=") < lock.count("--hash=")


def test_the_cpu_build_is_the_version_of_the_lock():
    folder = bundled("requirements")
    locked = re.search(r"^torch==([\d.]+)", (folder / "webui.txt").read_text(), re.M)
    assert locked is not None
    assert f"torch=={locked[1]}+cpu " in (folder / "torch-cpu.txt").read_text()


@pytest.mark.parametrize("name", ["core", "stack", "dev", "browser", "encoders", "webui", "torch-cpu"])
def test_locks_have_a_hash_for_everything_and_no_address(name):
    text = (bundled("requirements") / f"{name}.txt").read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
    assert blocks
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)


# The model


def test_a_name_without_a_tag_means_latest():
    assert ollama.has(["psylite:latest"], "psylite")
    assert ollama.has(["psylite:7b"], "psylite:7b")
    assert not ollama.has(["psylite:7b"], "psylite")


# The command itself


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


def test_down_stops_what_a_killed_up_left_behind(stack):
    stack.ready()
    stack.process.kill()
    stack.process.wait()
    assert stack.answers()
    assert "pipelines" in stack.psylite("down").stdout
    assert not stack.answers()
    assert "Nothing of ours is running" in stack.psylite("down").stdout


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
    assert "theirs.txt" in stack.psylite("clean", "--yes").stdout
    assert [path.name for path in stack.data.iterdir()] == ["theirs.txt"]
    (stack.data / "theirs.txt").unlink()
    stack.psylite("clean", "--yes")
    assert not stack.data.exists()


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
        assert ollama.listed(url) == ["psylite:latest"]
        assert "stand-in" not in stack.said
    finally:
        stack.process.terminate()
        stack.process.wait(30)
    assert ollama.listed(url) is None


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
