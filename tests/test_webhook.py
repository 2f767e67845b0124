"""Telling a human: what a note holds, what it never holds, and that no turn waits for it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest
from fake_ollama import FakeOllama, Reply
from pipelines_server import free_port, running
from scripted import scripted_counsellor

from psylite_pipeline.decision import Decision, Kind, Risk, Route
from psylite_pipeline.host import filter as filter_module
from psylite_pipeline.host.filter import FilterPipeline
from psylite_pipeline.host.webhook import PAUSES, WAITING, Webhook, open_webhook

CRISIS = Decision(Route.CRISIS, Risk.HIGH, Kind.SELF_HARM, rules=("some.rule",))


class Office:
    """Whoever is told. `statuses` are its first answers; then 200."""

    def __init__(self, *statuses: int) -> None:
        self.notes: list[dict] = []
        self.tries = 0
        office, left = self, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["content-length"]))
                office.tries += 1
                status = left.pop(0) if left else 200
                if status == 200:
                    office.notes.append(json.loads(raw))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/secret-path"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def hook(url: str, least: Risk = Risk.HIGH) -> Webhook:
    return Webhook(url, least, "a salt", pauses=[0.0] * len(PAUSES))


def test_a_note_holds_route_level_time_and_hash_and_nothing_else():
    with Office() as office:
        webhook = hook(office.url)
        webhook.tell(CRISIS, webhook.hashed("chat-1"))
        until(lambda: office.notes)
    (note,) = office.notes
    assert note.keys() == {"route", "level", "time", "chat"}
    assert (note["route"], note["level"]) == ("crisis", "high")
    assert note["time"].endswith("+00:00")
    assert "chat-1" not in str(note)


def test_one_talk_has_one_hash_and_the_salt_belongs_to_the_machine():
    here, elsewhere = Webhook("http://x", Risk.HIGH, "salt"), Webhook("http://x", Risk.HIGH, "another")
    assert here.hashed("chat-1") == here.hashed("chat-1") != here.hashed("chat-2")
    assert here.hashed("chat-1") != elsewhere.hashed("chat-1")


@pytest.mark.parametrize(
    ("least", "told"),
    [(Risk.CONCERN, ["concern", "high", "imminent"]), (Risk.HIGH, ["high", "imminent"]), (Risk.IMMINENT, ["imminent"])],
)
def test_only_turns_from_the_level_on_are_told_and_no_background_work(least, told):
    with Office() as office:
        webhook = hook(office.url, least)
        for risk in Risk:
            webhook.tell(Decision(Route.TASK, risk), None)
            webhook.tell(Decision(Route.PLAIN, risk), None)
        until(lambda: len(office.notes) == len(told))
    assert sorted(note["level"] for note in office.notes) == sorted(told)


def test_a_note_is_tried_again_until_it_is_taken():
    with Office(500, 429, 503) as office:
        hook(office.url).tell(CRISIS, None)
        until(lambda: office.notes)
    assert office.tries == 4


def test_a_refused_note_is_not_tried_again_and_the_next_goes_out(caplog):
    with Office(404) as office, caplog.at_level(logging.INFO, logger="psylite_pipeline"):
        webhook = hook(office.url)
        webhook.tell(CRISIS, "one")
        webhook.tell(CRISIS, "two")
        until(lambda: office.notes)
    assert (office.tries, office.notes[0]["chat"]) == (2, "two")
    assert "404" in caplog.text
    assert "secret-path" not in caplog.text


def test_where_nobody_answers_a_note_is_given_up_and_says_so(caplog):
    hook(f"http://127.0.0.1:{free_port()}/secret-path").tell(CRISIS, None)
    until(lambda: "could not be delivered" in caplog.text)
    assert list(PAUSES) == sorted(PAUSES)
    assert sum(PAUSES) > 1000
    assert "secret-path" not in caplog.text


def test_no_logger_at_any_level_writes_the_address(caplog):
    for name in ("", "httpx", "httpcore", *logging.root.manager.loggerDict):
        caplog.set_level(1, logger=name)
    with Office(503) as office:
        hook(office.url).tell(CRISIS, None)
        until(lambda: office.notes)
        httpx.get(f"{office.url}/not-a-note", trust_env=False)
    assert "not-a-note" in caplog.text, "what others ask for is logged as before"
    ours = [record.name for record in caplog.records if record.threadName == "psylite-webhook"]
    assert not [name for name in ours if name.startswith("http")]


def test_telling_never_waits_and_what_is_too_much_is_dropped(caplog):
    webhook = Webhook(f"http://127.0.0.1:{free_port()}/", Risk.HIGH, "salt", pauses=[3600.0])
    for _ in range(WAITING + 5):
        webhook.tell(CRISIS, None)  # would hang here
    until(lambda: "dropped" in caplog.text)


def test_a_note_that_is_not_taken_keeps_no_other_waiting():
    with Office(503) as office:
        webhook = Webhook(office.url, Risk.HIGH, "salt", pauses=[3600.0])
        webhook.tell(CRISIS, "first")
        until(lambda: office.tries == 1)
        webhook.tell(CRISIS, "second")
        until(lambda: office.notes)
    assert [note["chat"] for note in office.notes] == ["second"]


def test_it_is_off_unless_an_address_is_set(monkeypatch, tmp_path, caplog):
    assert open_webhook() is None
    monkeypatch.setenv("PSYLITE_WEBHOOK", "file:///etc/passwd")
    assert open_webhook() is None
    assert "doctor" in caplog.text
    monkeypatch.setenv("PSYLITE_WEBHOOK", "http://127.0.0.1:9/told")
    first, second = open_webhook(), open_webhook()
    assert first is not None and second is not None
    assert first.hashed("chat") == second.hashed("chat")
    (salt,) = tmp_path.rglob("webhook.salt")
    assert salt.stat().st_mode & 0o077 == 0


def test_the_real_server_tells_of_a_crisis_through_pipe_and_filter_and_answers_all_the_same(tmp_path):
    with (
        Office() as office,
        FakeOllama(models=("psylite",)) as ollama,
        running(tmp_path, ollama.url, PSYLITE_WEBHOOK=office.url) as server,
    ):
        ollama.otherwise(lambda body: Reply("我在听。"))
        calm = {"model": "psylite", "messages": [{"role": "user", "content": "今天有点累"}], "stream": False}
        server.client.post("/v1/chat/completions", json=calm).raise_for_status()
        for plugin, model in (("psylite", "psylite"), ("psylite_filter", "other")):
            said = {
                "model": model,
                "stream": False,
                "messages": [{"role": "user", "content": "我不想活了"}],
                "metadata": {"chat_id": "chat-of-somebody"},
            }
            form = {"body": said, "user": {"id": "1", "role": "user"}}
            sent = server.client.post(f"/{plugin}/filter/inlet", json=form).raise_for_status().json()
            assert "chat-of-somebody" not in str(sent["psylite"])
            answer = server.client.post("/v1/chat/completions", json=sent).raise_for_status().json()
            assert "12356" in answer["choices"][0]["message"]["content"]
        until(lambda: len(office.notes) == 2)
    assert len({note["chat"] for note in office.notes}) == 1
    assert office.notes[0]["chat"]
    assert "不想活" not in json.dumps(office.notes, ensure_ascii=False)


def test_of_a_judgement_that_the_filter_gave_up_on_only_the_pipe_tells(tmp_path, monkeypatch):
    told, may_end = [], threading.Event()
    counsellor = scripted_counsellor(tmp_path)

    class Slow:
        def decide(self, conversation, preferences):
            assert may_end.wait(30)
            return counsellor.decide(conversation, preferences)

        def guidance(self, *asked):
            return counsellor.guidance(*asked)

    office = SimpleNamespace(tell=lambda decision, chat: told.append(chat), hashed=str.upper)
    body = {"model": "other", "messages": [{"role": "user", "content": "WORRY"}], "metadata": {"chat_id": "c"}}
    plugin = FilterPipeline(counsellor=Slow, webhook=lambda: office)
    monkeypatch.setattr(filter_module, "DEADLINE", 0.05)

    async def gives_up():
        sent = await plugin.inlet(body)
        may_end.set()
        return sent  # the loop waits for the thread

    assert asyncio.run(gives_up())["model"] == "psylite"
    assert told == []
    monkeypatch.setattr(filter_module, "DEADLINE", 30)
    assert asyncio.run(plugin.inlet(body))["model"] == "other"
    assert told == ["C"]


def test_a_damaged_salt_is_logged_and_costs_no_turn(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PSYLITE_WEBHOOK", "http://127.0.0.1:9/told")
    assert open_webhook() is not None
    (salt,) = tmp_path.rglob("webhook.salt")
    salt.write_bytes(b"\xff\xfe" * 20)
    assert open_webhook() is None
    assert "Nobody can be told" in caplog.text


def test_a_note_for_which_no_thread_could_be_had_goes_out_with_the_next(monkeypatch, caplog):
    with Office() as office:
        webhook = hook(office.url)
        start, tries = threading.Thread.start, []

        def refuse_once(self):
            if self.name == "psylite-webhook" and not tries:
                tries.append(1)
                raise RuntimeError("can't start new thread")
            start(self)

        monkeypatch.setattr(threading.Thread, "start", refuse_once)
        webhook.tell(CRISIS, "a")
        assert "waits" in caplog.text
        webhook.tell(CRISIS, "b")
        until(lambda: len(office.notes) == 2)
