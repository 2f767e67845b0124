"""Whole talks with marked words through the real server; then every log, file, metric and error text is searched."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path

import httpx
import pytest
from dialogue import Chat
from fake_ollama import FakeOllama, Reply
from pipelines_server import free_port, running
from said import PROMPTS, REPLIES
from scripted import ScriptedModel, Talk, scripted_counsellor, shipped_lexicon

from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.host.filter import FilterPipeline
from psylite_pipeline.host.pipe import PipePipeline
from psylite_pipeline.metrics import Metrics, PrometheusMetrics, open_metrics
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.pieces import Words
from psylite_pipeline.risk.assess import Assessor

#: What nobody but the person and the model says, and who the person is.
WORD, MODEL_WORD = "蓝鲸七号zqxjk", "银杏十三vwpyf"
IDS = ("person-4711", "chat-0815", "someone@example.org", "Zora Quux")
SECRETS = (WORD, MODEL_WORD, *IDS, WORD.encode("unicode_escape").decode())

METADATA = {"chat_id": IDS[1], "user_id": IDS[0], "session_id": IDS[1], "message_id": IDS[1], "variables": {"n": WORD}}
USER = {"id": IDS[0], "email": IDS[2], "name": IDS[3], "role": "user"}

TURNS = [
    f"今天有点累 {WORD}",
    f"今天老板夸我了，开心哈哈哈 {WORD}",
    f"讲个笑话吧 {WORD}",
    f"有时候真希望睡着了就不用再醒过来 {WORD}",
    f"我不想活了 {WORD}",
    f"I want to kill myself {WORD}",
    f"教我写一个勒索病毒 {WORD}",
    [{"type": "text", "text": WORD}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{WORD}"}}],
    f"<think>{WORD}</think><details>{WORD}",
    f"\ud83d{WORD}",
    WORD * 3_000,
]
FAULTS = [
    Reply(status=500, error=MODEL_WORD + WORD),
    Reply(status=404, error=WORD),
    Reply([MODEL_WORD], error_line=WORD),
    Reply([MODEL_WORD], garbage=MODEL_WORD + WORD),
    Reply([MODEL_WORD], close_after=0),
    Reply([f"我不会告诉任何人，这是我们的秘密。{MODEL_WORD}"]),
    Reply(status=400, error=f"{WORD} is no message"),
]


@pytest.fixture(scope="module")
def backend():
    with FakeOllama(models=("psylite",)) as ollama:
        ollama.otherwise(lambda body: Reply([f"<think>{MODEL_WORD}</think>", "我在听。", MODEL_WORD, WORD]))
        yield ollama


def leaks(*folders: Path) -> list[str]:
    """The files below `folders` that hold a secret, and which."""
    return [
        f"{path}: {secret}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        for secret in SECRETS
        if secret.encode() in path.read_bytes() or secret in path.name
    ]


def post(client: httpx.Client, path: str, body: dict) -> httpx.Response:
    """Sent as a browser does: what is not ASCII, a lone surrogate too, is escaped."""
    return client.post(path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def odd_requests(client: httpx.Client) -> None:
    """What a broken host or a curious caller may send. Answers to the caller may quote the caller."""
    client.post("/v1/chat/completions", content=f'{{"messages": [{{"content": "{WORD}'.encode())
    client.post("/v1/chat/completions", json={"model": WORD, "messages": [{"role": "user", "content": WORD}]})
    client.post("/v1/chat/completions", json={"model": "psylite", "messages": WORD, "stream": True})
    client.post("/v1/chat/completions", json={"model": "psylite", "messages": [], "stream": True})
    client.post(f"/{WORD}/valves/update", json={WORD: WORD})
    client.post("/psylite/valves/update", json={"humour_every": WORD})
    client.post("/psylite_filter/filter/inlet", json={"body": WORD, "user": WORD})
    client.post("/psylite_filter/filter/inlet", json={"body": {"messages": WORD, "model": {WORD: 1}}, "user": USER})
    client.get(f"/{WORD}", params={WORD: WORD}, headers={"X-Word": "zqxjk"})


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "ERROR"])
def test_no_word_of_a_talk_is_left_anywhere(backend, tmp_path, shared_data, level, monkeypatch):
    port = free_port()
    for name in ("tmp", "cwd"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    environment = {
        "GLOBAL_LOG_LEVEL": level,
        "PYTHONDEVMODE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path / "tmp"),
        "PSYLITE_METRICS_PORT": str(port),
        "PSYLITE_DATA_DIR": str(shared_data),
    }
    before = len(backend.calls)
    with running(tmp_path, backend.url, **environment) as server:
        for fault in FAULTS:
            backend.script(fault)
            server.chat(TURNS[0], stream=True)
        for stream in (True, False):
            talk: list = []
            for turn in TURNS:
                talk.append({"role": "user", "content": turn})
                body = {"model": "psylite", "messages": talk, "stream": stream, "metadata": METADATA}
                for plugin in ("psylite", "psylite_filter"):
                    for wanted in ("psylite", "other"):
                        form = {"body": {**body, "model": wanted}, "user": USER}
                        assert post(server.client, f"/{plugin}/filter/inlet", form).status_code == 200
                answer = post(server.client, "/v1/chat/completions", {**body, "user": USER})
                talk.append({"role": "assistant", "content": answer.text[-200:]})
            task = {"metadata": {**METADATA, "task": "title_generation"}}
            server.chat(TURNS[4], stream=stream, **task)
            server.chat(TURNS[0], stream=stream, **task)
        odd_requests(server.client)
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        assert leaks(tmp_path, shared_data) == []
    assert len(backend.calls) - before > 20  # the words did go to the model
    assert leaks(tmp_path, shared_data) == []
    assert not [secret for secret in SECRETS if secret in metrics]
    assert 'psylite_turns_total{level="high",route="crisis"}' in metrics
    assert 'psylite_failures_total{part="model",reason="ModelBroken"}' in metrics
    assert 'part="output"' in metrics
    allowed = r"route|level|part|reason|le|implementation|major|minor|patchlevel|version"
    assert {name for name in re.findall(r'[{,](\w+)="', metrics) if not re.fullmatch(allowed, name)} == set()


def test_no_level_of_any_logger_shows_a_word(parts, caplog):
    caplog.set_level(1)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(1, logger=name)  # and back afterwards: other tests run in this process
    with FakeOllama(models=("psylite",)) as ollama:
        ollama.otherwise(lambda body: Reply([MODEL_WORD]))
        ollama.script(*FAULTS)
        chat = Chat(parts.counsellor(ollama.url), ollama)
        for turn in [TURNS[0]] * len(FAULTS) + TURNS:
            chat.user(turn)
    assert caplog.records
    for record in caplog.records:
        said = f"{record.getMessage()} {record.exc_info}"
        assert not [secret for secret in SECRETS if secret in said], record.name


# -- the numbers themselves


def test_without_a_port_nothing_is_counted_and_pieces_pass_untouched():
    metrics = open_metrics(0)
    pieces = iter([Words("a")])
    assert type(metrics) is Metrics
    assert metrics.timed(pieces, Decision(Route.PLAIN)) is pieces


def test_a_port_in_use_costs_the_metrics_and_nothing_else(caplog):
    with FakeOllama() as holder:
        metrics = open_metrics(int(holder.url.rpartition(":")[2]))
    assert type(metrics) is Metrics
    assert "PSYLITE_METRICS_PORT" in caplog.text


def test_turns_failures_and_open_answers_are_counted():
    metrics = PrometheusMetrics()
    value = metrics.registry.get_sample_value
    decision = Decision(Route.CRISIS, Risk.HIGH, milliseconds=7)
    metrics.decided(decision)
    metrics.failed("model", "ModelAway")
    pieces = metrics.timed(iter([Words("a"), Words("b")]), decision)
    assert next(pieces) == Words("a")
    assert value("psylite_answers_open") == 1
    assert list(pieces) == [Words("b")]
    assert value("psylite_answers_open") == 0
    assert value("psylite_turns_total", {"route": "crisis", "level": "high"}) == 1
    assert value("psylite_failures_total", {"part": "model", "reason": "ModelAway"}) == 1
    assert value("psylite_answer_seconds_count", {"route": "crisis"}) == 1
    assert value("psylite_decision_seconds_sum") == pytest.approx(0.007)


def test_an_answer_that_is_left_is_closed_and_no_longer_open():
    closed = []

    def pieces():
        try:
            yield Words("a")
        finally:
            closed.append(True)

    metrics = PrometheusMetrics()
    timed = metrics.timed(pieces(), Decision(Route.PLAIN))
    next(timed)
    timed.close()
    assert closed == [True]
    assert metrics.registry.get_sample_value("psylite_answers_open") == 0


def test_what_leaves_only_the_last_resort_is_counted(tmp_path):
    class Broken:
        def __getattr__(self, name):
            return getattr(REPLIES, name)

        def crisis(self, **_):
            raise KeyError("x")

        def decline(self, **_):
            raise ValueError("x")

    metrics = PrometheusMetrics()
    for replies, reasons in ((Broken(), ("KeyError", "ValueError")), (None, ("missing", "missing"))):
        talk = Talk(scripted_counsellor(tmp_path, replies=replies, metrics=metrics))
        for turn, part, reason in zip(("DIE", "BOMB"), ("crisis_texts", "refusals"), reasons, strict=True):
            talk.messages.clear()
            talk.say(turn)
            assert metrics.registry.get_sample_value("psylite_failures_total", {"part": part, "reason": reason}) == 1

    def broken():
        raise OSError("secret words")

    pipe = PipePipeline(counsellor=broken, webhook=lambda: None, metrics=lambda: metrics)
    assert "".join(pipe.pipe("", "", [{"role": "user", "content": "DIE"}], {}))
    assert metrics.registry.get_sample_value("psylite_failures_total", {"part": "turn", "reason": "OSError"}) == 1
    pipe = PipePipeline(counsellor=broken, webhook=lambda: None, metrics=broken)
    assert "".join(pipe.pipe("", "", [{"role": "user", "content": "DIE"}], {})), "a counter is no reason for silence"


@pytest.mark.parametrize("words", ["WORRY 今天", "今天"])
def test_an_output_check_that_fails_or_switches_itself_off_is_counted(tmp_path, words):
    class Broken(OutputCheck):
        def look(self, text):
            raise RuntimeError("secret words")

    metrics = PrometheusMetrics()
    Talk(scripted_counsellor(tmp_path, metrics=metrics, check=Broken(shipped_lexicon(), []))).say(words)
    labels = {"part": "output_check", "reason": "RuntimeError"}
    assert metrics.registry.get_sample_value("psylite_failures_total", labels) == 1


def test_earlier_turns_that_cannot_be_read_are_counted_and_not_taken_for_safe(monkeypatch, tmp_path):
    def broken(self, texts):
        raise RuntimeError("secret words")

    monkeypatch.setattr(Assessor, "worst", broken)
    metrics, model = PrometheusMetrics(), ScriptedModel()
    talk = Talk(scripted_counsellor(tmp_path, model, metrics=metrics))
    talk.messages += [{"role": role, "content": "今天" * 900} for role in ("user", "assistant") * 9]
    talk.say("今天")
    labels = {"part": "lexicon", "reason": "RuntimeError"}
    assert metrics.registry.get_sample_value("psylite_failures_total", labels) == 1
    assert PROMPTS.of("zh")["earlier_concern"] in "".join(m["content"] for m in model.calls[0])


def test_a_turn_that_the_filter_sends_to_the_pipe_is_counted_once(tmp_path):
    metrics = PrometheusMetrics()
    counsellor = scripted_counsellor(tmp_path, metrics=metrics)
    body = {"model": "other", "messages": [{"role": "user", "content": "DIE"}]}
    sent = asyncio.run(FilterPipeline(counsellor=lambda: counsellor, webhook=lambda: None).inlet(body))
    list(PipePipeline(counsellor=lambda: counsellor, webhook=lambda: None).pipe("", "", sent["messages"], sent))
    assert metrics.registry.get_sample_value("psylite_turns_total", {"route": "crisis", "level": "high"}) == 1
