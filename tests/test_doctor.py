"""`psylite doctor`: what it looks at, what it says is wrong, and what to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from command import psylite
from full_disk import disk_full

from psylite_pipeline import listing
from psylite_pipeline.doctor import Check, examine
from psylite_pipeline.host.valves import PipeValves, mend_saved_valves
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import ollama as stack_ollama
from psylite_pipeline.stack import processes
from psylite_pipeline.stack.layout import Layout


def look(part: str) -> Check:
    """What the doctor says of one part, with the environment as it is now."""
    (found,) = examine(Settings.load(), {part})
    return found


def parts_of(done) -> dict[str, dict]:
    return {part["part"]: part for part in json.loads(done.stdout)["parts"]}


@pytest.fixture
def away(monkeypatch):
    """No Ollama and no Pipelines server on these ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("OLLAMA_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("PSYLITE_PIPELINES_PORT", str(port))


@pytest.mark.usefixtures("knowledge", "away")
def test_doctor_says_what_is_well_what_is_not_and_the_cure():
    done = psylite("doctor", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert found["snippets"] == {"zh": 10}
    assert found["counts"]["rules"] > 0
    assert found["versions"]["python"].startswith("3.")
    assert found["versions"]["faiss-cpu"]
    parts = parts_of(done)
    for name in ("lexicon", "replies", "snippets", "encoder and index", "judgement", "data folder"):
        assert parts[name]["ok"], parts[name]
    for name in ("model", "pipelines"):
        assert not parts[name]["ok"]
        assert parts[name]["cure"]


def test_doctor_tells_a_missing_model_from_a_missing_server(monkeypatch, ollama):
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
    assert look("model").ok
    monkeypatch.setenv("PSYLITE_MODEL", "nowhere")
    found = look("model")
    assert not found.ok
    assert "'nowhere'" in found.seen
    assert "PSYLITE_MODEL" in found.cure


def test_a_stand_in_that_up_runs_is_well_and_called_what_it_is(monkeypatch, ollama):
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PSYLITE_STANDIN_PORT", ollama.url.rpartition(":")[2])
    assert not look("model").ok, "somebody else's server is not the stand-in"
    layout = Layout(Settings.load().data_dir)
    layout.make()
    processes.remember(layout.run / "standin.json", os.getpid())
    found = look("model")
    assert found.ok
    assert "for trying only" in found.seen
    assert "install Ollama" in found.cure


def test_up_and_doctor_find_the_same_ollama_whatever_proxy_is_set(monkeypatch, ollama):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setattr(stack_ollama, "is_local", lambda url: False)
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
    assert look("model").ok
    assert listing.has(listing.of_ollama(ollama.url) or [], "psylite")


@pytest.mark.parametrize("url", ["http://[::1", "localhost:1", "http://a b", "ftp://x", "http://127.0.0.1:99999"])
def test_doctor_takes_any_address_for_ollama(monkeypatch, url):
    monkeypatch.setenv("OLLAMA_BASE_URL", url)
    found = look("model")
    assert not found.ok
    assert "OLLAMA_BASE_URL" in found.cure


@pytest.mark.usefixtures("away")
def test_doctor_names_broken_files_and_settings(knowledge, monkeypatch, tmp_path):
    (knowledge / "crosstalk" / "zh" / "[bad].toml").write_text("[[snippet]", encoding="utf-8")
    for part in ("risk", "replies"):
        (knowledge / part).unlink()
        (knowledge / part).mkdir()
    blocked = tmp_path / "file"
    blocked.write_text("x")
    monkeypatch.setenv("PSYLITE_DATA_DIR", str(blocked))
    monkeypatch.setenv("PSYLITE_SNIPPETS_DIR", str(tmp_path / "missing"))
    parts = parts_of(psylite("doctor", "--json"))
    for name in ("lexicon", "replies", "snippets", "data folder"):
        assert not parts[name]["ok"], name
        assert parts[name]["cure"]
    assert "[bad].toml" in parts["snippets"]["seen"]
    assert "missing" in parts["snippets"]["seen"]
    assert parts["judgement"]["ok"], "the shipped lexicon stands in"
    table = psylite("doctor")
    assert table.exit_code == 1
    for named in ("[bad].toml", "OLLAMA_BASE_URL"):
        assert named in table.stdout


def test_a_copy_of_knowledge_that_an_upgrade_left_behind_is_told(monkeypatch, tmp_path):
    assert look("knowledge").seen == "what this version ships"
    copy = shutil.copytree(bundled("knowledge"), tmp_path / "knowledge")
    monkeypatch.setenv("PSYLITE_KNOWLEDGE_DIR", str(copy))
    assert look("knowledge").seen == "your copy, as this version ships it"
    (copy / "risk" / "lexicon" / "idioms.toml").unlink()
    with (copy / "replies" / "helplines.toml").open("a", encoding="utf-8") as helplines:
        helplines.write("# ours\n")
    found = look("knowledge")
    assert "not as this version ships them (2): replies/helplines.toml, risk/lexicon/idioms.toml" in found.seen
    assert found.ok
    assert "copy the folder anew" in found.cure


def test_doctor_sees_a_disk_that_is_full(monkeypatch, tmp_path):
    monkeypatch.setenv("PSYLITE_DATA_DIR", str(tmp_path))
    assert look("data folder").ok
    with disk_full():
        found = look("data folder")
    assert not found.ok
    assert "File too large" in found.seen
    assert "Make room" in found.cure
    assert list(tmp_path.iterdir()) == []


# -- where other messages send people: plugins, rules for the model's words, prompts, the salt


@pytest.fixture
def server(monkeypatch):
    """A Pipelines server with the key `right`; what it has loaded is in `loaded`, its valves in `loaded.valves`."""

    class Loaded(list[str]):
        valves: dict[str, dict]

    loaded = Loaded()
    valves = loaded.valves = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Tests stay quiet."""

        def do_GET(self) -> None:
            knows = self.path == "/" or self.headers["Authorization"] == "Bearer right"
            answer = {"status": True} if self.path == "/" else {"data": [{"id": name} for name in loaded]}
            answer = valves.get(self.path.split("/")[-2], {}) if self.path.endswith("/valves") else answer
            self.send_response(200 if knows else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answer if knows else {}).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("PSYLITE_PIPELINES_PORT", str(listening.server_address[1]))
        monkeypatch.delenv("PIPELINES_API_KEY", raising=False)
        yield loaded
        listening.shutdown()


def test_a_server_that_has_not_loaded_a_plugin_is_not_well(server, monkeypatch):
    settings = Settings.load()
    assert "another key" in look("pipelines").seen
    layout = Layout(settings.data_dir)
    layout.make()
    layout.pipelines_key.write_text("right\n")
    server.append("psylite")
    found = look("pipelines")
    assert not found.ok
    assert "has not loaded psylite_filter" in found.seen
    assert "pipelines.log" in found.cure
    server.append("psylite_filter")
    assert look("pipelines").ok
    monkeypatch.setenv("PIPELINES_API_KEY", "wrong")
    assert not look("pipelines").ok


def test_a_plugin_that_kept_the_last_start_from_going_on_is_named(monkeypatch):
    monkeypatch.setenv("PSYLITE_PIPELINES_PORT", "9")
    layout = Layout(Settings.load().data_dir)
    layout.make()
    assert "nothing of ours" in look("pipelines").seen
    (layout.pipelines / "failed").mkdir()
    (layout.pipelines / "failed" / "psylite.py").touch()
    assert "could not load psylite at its last start" in look("pipelines").seen


def test_a_model_that_a_valve_names_and_nobody_has_is_not_well(server, monkeypatch, ollama):
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
    assert "not seen" in look("valves").seen, "the key is another"
    monkeypatch.setenv("PIPELINES_API_KEY", "right")
    server.valves["psylite"] = {"model": "psylite", "judge": "off", "judge_model": "nope:7b", "humour": None}
    assert look("valves").ok, "nobody asks a judge that is off"
    server.valves["psylite"] |= {"model": "nope:1b"}
    server.valves["psylite_filter"] = {"judge": "unsure", "judge_model": "nope:7b"}
    found = look("valves")
    assert not found.ok
    assert "Model of psylite is 'nope:1b'; Model that judges of psylite_filter is 'nope:7b'" in found.seen
    assert "one of: psylite" in found.cure
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    assert look("valves").ok, "that line is the model's"


def test_valves_that_were_reset_are_named_until_somebody_has_seen_to_it(server, monkeypatch, ollama):
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama.url)
    monkeypatch.setenv("PIPELINES_API_KEY", "right")
    loader = Layout(Settings.load().data_dir).pipelines / "psylite.py"
    saved = loader.parent / "psylite" / "valves.json"
    saved.parent.mkdir(parents=True)
    saved.write_text('{"region": "nowhere", "humour": false}')
    mend_saved_valves(loader, PipeValves)
    assert json.loads(saved.read_text()) == {"humour": False}
    found = look("valves")
    assert not found.ok
    assert "valves.json.broken-1" in found.seen
    (saved.parent / "valves.json.broken-1").unlink()
    assert look("valves").ok


def test_rules_for_the_models_words_and_for_scripts_and_prompts_are_looked_at(tmp_path, monkeypatch):
    places = {"output check": "risk/output", "screening": "risk/screening", "prompts": "prompts"}
    for part, place in places.items():
        assert look(part).ok
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "zh.toml").write_text("[[rule]")
    monkeypatch.setenv("PSYLITE_KNOWLEDGE_DIR", str(tmp_path))
    for part, place in places.items():
        found = look(part)
        assert not found.ok
        assert f"{place}/zh.toml" in found.seen
        assert found.cure


def test_a_damaged_salt_is_not_well(monkeypatch):
    monkeypatch.setenv("PSYLITE_WEBHOOK", "https://office.example/secret")
    settings = Settings.load()
    assert look("telling a human").seen == "from level high on, to office.example"
    assert not settings.webhook_salt.exists(), "a doctor looks and makes nothing"
    Layout(settings.data_dir).make()
    settings.webhook_salt.write_bytes(b"\xff\xfe\xff")
    found = look("telling a human")
    assert not found.ok
    assert "webhook.salt" in found.seen
