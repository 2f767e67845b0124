"""The parts that `psylite up` puts together: data folder, processes, ports, loader files, locks, what each is told."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from pipelines_server import until

from psylite_pipeline import listing
from psylite_pipeline.errors import StackError
from psylite_pipeline.secret import secret
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import install, pipelines, ports, processes, webui
from psylite_pipeline.stack.alone import alone
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.ollama import ModelServer

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(300)"]


@pytest.fixture
def layout(tmp_path):
    found = Layout(tmp_path / "data")
    found.make()
    return found


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


def test_what_a_killed_start_left_is_in_nobodys_way(layout):
    """A container gives the same number to each of its processes: the next one has that of the killed one."""
    key = layout.pipelines_key
    (key.parent / f"{key.name}.{os.getpid()}.part").write_text("")
    assert len(secret(key)) >= 32


def test_a_folder_that_knows_neither_locks_nor_hard_links_holds_a_secret(layout, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert secret(layout.pipelines_key) == secret(layout.pipelines_key)


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


def test_a_child_of_which_no_record_can_be_kept_is_stopped(layout, monkeypatch):
    begun = []

    def full(record, pid):
        begun.append(pid)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(processes, "remember", full)
    with pytest.raises(StackError, match="No space left"):
        processes.start("part", SLEEPER, os.environ, layout)
    with pytest.raises(ProcessLookupError):
        os.killpg(begun[0], 0)


def test_the_log_of_the_run_before_is_kept_and_no_older_one(layout):
    for word in ("first", "second", "third"):
        child = processes.start("part", [sys.executable, "-c", f"print({word!r})"], os.environ, layout)
        child.process.wait()
    assert child.last_words() == "third"
    assert processes.last_lines(layout.logs / "part.log.1") == "second"
    assert sorted(path.name for path in layout.logs.iterdir()) == ["part.log", "part.log.1"]
    child.stop()


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


@pytest.mark.parametrize(
    ("saved", "said", "unsaid"),
    [
        (None, ["12356", "988 (US and Canada"], ["18111"]),
        ('{"region": null}', ["12356", "988 (US and Canada"], ["18111"]),
        ('{"region": "HK", "humour": false}', ["18111", "999"], ["12356", "988"]),
        ('{"region": "Mars"}', ["12356"], []),
        ("half a f", ["12356"], []),
        ("[]", ["12356"], []),
    ],
)
def test_the_empty_page_says_which_number_to_call_where_no_answer_comes(layout, saved, said, unsaid):
    if saved is not None:
        (layout.pipelines / "psylite").mkdir()
        (layout.pipelines / "psylite" / "valves.json").write_text(saved)
    told = webui.environment(Settings.load(), layout, "key", "secret", accounts=True)
    (banner,) = json.loads(told["WEBUI_BANNERS"])
    # The fields of Open WebUI 0.12.4: `BannerModel` in its config.py.
    assert {name: type(value) for name, value in banner.items()} == {
        "id": str, "type": str, "title": str, "content": str, "dismissible": bool, "timestamp": int, "i18n": dict,
    }  # fmt: skip
    assert banner["type"] == "info" and not banner["dismissible"], "a small note, there again at the next visit"
    assert all(number in banner["content"] for number in said) and not any(n in banner["content"] for n in unsaid)
    assert all(words in banner["content"] for words in ("不是你的问题", "it's nothing you did"))
    traditional = banner["i18n"]["zh-TW"]["content"]
    assert "不是你的問題" in traditional and ("18111" in traditional) and "it's nothing" in traditional


def test_with_broken_texts_the_empty_page_still_names_a_number():
    assert all(number in webui.note(None, "auto") for number in ("12356", "120", "findahelpline.com"))


def test_without_cuda_only_cuda_goes():
    lock = (bundled("requirements") / "webui.txt").read_text()
    left = install.without_cuda(lock)
    names = {line.split("==")[0] for line in left.splitlines() if line[:1].isalpha()}
    gone = {line.split("==")[0] for line in lock.splitlines() if line[:1].isalpha()} - names
    assert {"torch", "triton"} <= gone
    assert all(name in {"torch", "triton"} or name.startswith(("nvidia-", "cuda-")) for name in gone)
    assert {"open-webui", "sentence-transformers"} <= names
    assert left.count("--hash=") < lock.count("--hash=")


def test_the_install_counts_to_the_number_of_packages_in_the_lock(layout, tmp_path, monkeypatch):
    layout.make()
    lock, notes = tmp_path / "lock.txt", []
    lock.write_text("one==1 \\\n    --hash=sha256:00\ntwo==2 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(install, "_pip", lambda *_: [sys.executable, "-c", "print('Collecting one')"])
    install._install_lock(tmp_path, lock, layout, lambda done, total, note: notes.append(note))
    assert notes[0].endswith("of 2")


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
    assert listing.has(["psylite:latest"], "psylite")
    assert listing.has(["psylite:7b"], "psylite:7b")
    assert not listing.has(["psylite:7b"], "psylite")
