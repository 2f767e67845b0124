"""`psylite doctor` at the places to which other messages send people: plugins, output rules, prompts, the salt."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from psylite_pipeline import doctor as clinic
from psylite_pipeline.settings import Settings
from psylite_pipeline.stack.layout import Layout


@pytest.fixture
def server(monkeypatch):
    """A Pipelines server with the key `right`; what it has loaded is in `loaded`."""
    loaded: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Tests stay quiet."""

        def do_GET(self) -> None:
            knows = self.path == "/" or self.headers["Authorization"] == "Bearer right"
            answer = {"status": True} if self.path == "/" else {"data": [{"id": name} for name in loaded]}
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
    assert "another key" in clinic._pipelines(settings).seen
    layout = Layout(settings.data_dir)
    layout.make()
    layout.pipelines_key.write_text("right\n")
    server.append("psylite")
    found = clinic._pipelines(settings)
    assert not found.ok
    assert "has not loaded psylite_filter" in found.seen
    assert "pipelines.log" in found.cure
    server.append("psylite_filter")
    assert clinic._pipelines(settings).ok
    monkeypatch.setenv("PIPELINES_API_KEY", "wrong")
    assert not clinic._pipelines(settings).ok


def test_a_plugin_that_kept_the_last_start_from_going_on_is_named(monkeypatch):
    monkeypatch.setenv("PSYLITE_PIPELINES_PORT", "9")
    layout = Layout(Settings.load().data_dir)
    layout.make()
    assert "nothing of ours" in clinic._pipelines(Settings.load()).seen
    (layout.pipelines / "failed").mkdir()
    (layout.pipelines / "failed" / "psylite.py").touch()
    assert "could not load psylite at its last start" in clinic._pipelines(Settings.load()).seen


def test_rules_for_the_models_words_and_prompts_are_looked_at(tmp_path, monkeypatch):
    for look in (clinic._output_check, clinic._prompts):
        assert look(Settings.load()).ok
    (tmp_path / "risk" / "output").mkdir(parents=True)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "risk" / "output" / "zh.toml").write_text("[[rule]")
    (tmp_path / "prompts" / "zh.toml").write_text("[")
    monkeypatch.setenv("PSYLITE_KNOWLEDGE_DIR", str(tmp_path))
    monkeypatch.setattr(clinic, "_index", clinic._lexicon)
    monkeypatch.setattr(clinic, "_judgement", clinic._lexicon)
    unwell = {check.part: check for check in clinic.examine(Settings.load()) if not check.ok}
    for part in ("output check", "prompts"):
        assert "zh.toml" in unwell[part].seen
        assert unwell[part].cure


def test_a_damaged_salt_is_not_well(monkeypatch):
    monkeypatch.setenv("PSYLITE_WEBHOOK", "https://office.example/secret")
    settings = Settings.load()
    assert clinic._webhook(settings).seen == "from level high on, to office.example"
    assert not settings.webhook_salt.exists(), "a doctor looks and makes nothing"
    Layout(settings.data_dir).make()
    settings.webhook_salt.write_bytes(b"\xff\xfe\xff")
    (found,) = [check for check in clinic.examine(settings) if check.part == "telling a human"]
    assert not found.ok
    assert "webhook.salt" in found.seen
