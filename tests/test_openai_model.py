"""A server with the protocol of OpenAI in place of Ollama: words, thoughts, faults, the key, a turn from end to end."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pipelines_server import running

from psylite_pipeline.doctor import examine
from psylite_pipeline.errors import ModelAway, ModelBroken, ModelCut, ModelMissing, ModelTimeout, SettingsError
from psylite_pipeline.evals.endpoint import Address, Sampling, Watched
from psylite_pipeline.model import Deadlines
from psylite_pipeline.openai_model import OpenAIModel
from psylite_pipeline.pieces import Thought, Words
from psylite_pipeline.settings import Settings
from psylite_pipeline.thoughts import split_thoughts

ASKED = [{"role": "user", "content": "你好"}]
QUICK = Deadlines(first=0.5, silence=0.3)
KEY = "sk-test-5502"
DONE = b"data: [DONE]\n\n"


def event(content: str | None = None, *, finish: str | None = None, **delta: str) -> bytes:
    delta = {**({"content": content} if content is not None else {}), **delta}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


class FakeOpenAI:
    """Answers each chat with the next scripted (status, chunks); `None` among the chunks is silence."""

    def __init__(self) -> None:
        fake = self
        self.script: list[tuple[int, list[bytes | None]]] = []
        self.calls: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Tests stay quiet."""

            def do_GET(self) -> None:
                self._send(200, [json.dumps({"data": [{"id": "psylite"}]}).encode()])

            def do_POST(self) -> None:
                fake.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                fake.headers.append(dict(self.headers))
                self._send(*fake.script.pop(0))

            def _send(self, status: int, chunks: list[bytes | None]) -> None:
                self.send_response(status)
                self.end_headers()
                for chunk in chunks:
                    if chunk is None:
                        fake.over.wait(30)
                    else:
                        self.wfile.write(chunk)
                        self.wfile.flush()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, *chunks: bytes | None, status: int = 200) -> None:
        self.script.append((status, list(chunks)))

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    fake = FakeOpenAI()
    yield fake
    fake.stop()


def test_words_thoughts_and_what_is_asked(server):
    usage = b'data: {"choices": [], "usage": {}}\n\n'
    thought = event(reasoning_content="先想")
    words = (event("<think>想</"), event("think>你"), event("好"), event(finish="stop"))
    server.says(b": a comment\n\nevent: message\n", event(role="assistant"), thought, *words, usage, DONE)
    pieces = list(split_thoughts(OpenAIModel(server.url, KEY).stream("psylite", ASKED, QUICK), support=False))
    assert pieces == [Thought("先想"), Thought("想"), Words("你"), Words("好")]
    asked = server.calls[0]
    assert (asked["model"], asked["messages"], asked["stream"]) == ("psylite", ASKED, True)
    assert asked["max_tokens"] == 1024
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_an_evaluation_asks_through_it_with_its_own_sampling(server):
    server.says(event("hi", finish="stop"), DONE)
    model = Watched(Address.parse(f"openai:m@{server.url}"), Sampling(seed=7, max_tokens=99))
    assert list(model.stream("another", ASKED, QUICK)) == [Words("hi")]
    asked = server.calls[0]
    assert (asked["model"], asked["seed"], asked["temperature"], asked["max_tokens"]) == ("m", 7, 0.0, 99)


def test_marks_that_end_a_line_elsewhere_do_not_cut_an_answer_and_lines_end_either_way(server):
    said = "一\u2028二\u2029三\x85四\x0b五"
    whole = event(said, finish="stop")
    assert "\u2028".encode() in whole
    for sent in (whole, whole.replace(b"\n", b"\r\n")):
        server.says(sent[:40], sent[40:], DONE)
        assert list(OpenAIModel(server.url).stream("psylite", ASKED, QUICK)) == [Words(said)]


def test_without_a_key_none_is_sent_and_no_done_line_is_needed_after_a_finish(server):
    server.says(event("好", finish="stop"))
    assert list(OpenAIModel(server.url).stream("psylite", ASKED, QUICK)) == [Words("好")]
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("chunks", "status", "error"),
    [
        ([b'{"error": {"message": "no"}}'], 404, ModelMissing),
        ([b'{"error": {"message": "no"}}'], 400, ModelBroken),
        ([b"key?"], 401, ModelBroken),
        ([], 302, ModelBroken),
        ([b"busy"], 429, ModelBroken),
        ([b"oh"], 500, ModelBroken),
        ([event("a"), b'data: {"error": {"message": "out of memory"}}\n\n'], 200, ModelBroken),
        ([event("a"), b'data: {"choices": [{"de\n\n'], 200, ModelBroken),
        ([event("a"), b"data: [1, 2]\n\n"], 200, ModelBroken),
        ([event("a"), b"data: null\n\n"], 200, ModelBroken),
        ([b"<html>Sign in</html>"], 200, ModelBroken),
        ([event("a")], 200, ModelBroken),
        ([event("a", finish="length"), DONE], 200, ModelCut),
        ([event("a", finish="content_filter"), DONE], 200, ModelCut),
        ([], 200, ModelBroken),
        ([None], 200, ModelTimeout),
        ([event("a"), None], 200, ModelTimeout),
    ],
)
def test_every_fault_is_one_of_our_errors_and_quotes_nothing(server, chunks, status, error):
    server.says(*chunks, status=status)
    with pytest.raises(error) as caught:
        list(OpenAIModel(server.url, KEY).stream("psylite", ASKED, QUICK))
    assert "memory" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_nobody_there_is_told_with_the_setting_to_correct(server):
    server.stop()
    with pytest.raises(ModelAway, match="PSYLITE_OPENAI_URL"):
        list(OpenAIModel(server.url).stream("psylite", ASKED, QUICK))


def test_a_key_from_a_file_of_windows_is_sent_without_its_line_end(monkeypatch):
    monkeypatch.setenv("PSYLITE_OPENAI_KEY", f"{KEY}\r\n")
    assert Settings.load().openai_key.get_secret_value() == KEY


@pytest.mark.parametrize("key", ["钥匙", "half\nand half"])
def test_a_key_that_no_header_takes_is_refused_by_name_and_not_quoted(monkeypatch, key):
    monkeypatch.setenv("PSYLITE_OPENAI_KEY", key)
    with pytest.raises(SettingsError, match=r"^PSYLITE_OPENAI_KEY: a key is sent in a header") as refused:
        Settings.load()
    assert key not in str(refused.value)


def test_the_judge_is_held_to_a_schema(server):
    server.says(event('{"level": '), event('"high"}', finish="stop"), DONE)
    schema = {"type": "object"}
    assert OpenAIModel(server.url).ask("psylite", ASKED, schema, 2) == {"level": "high"}
    assert server.calls[0]["response_format"]["json_schema"]["schema"] == schema
    assert server.calls[0]["temperature"] == 0


def test_a_turn_from_end_to_end_and_doctor_looks_at_the_right_server(server, tmp_path, shared_data, monkeypatch):
    environment = {
        "PSYLITE_BACKEND": "openai", "PSYLITE_OPENAI_URL": server.url, "PSYLITE_OPENAI_KEY": KEY,
        "PSYLITE_DATA_DIR": str(shared_data),
    }  # fmt: skip
    with running(tmp_path, "http://127.0.0.1:9", **environment) as pipelines:
        server.says(event("我在"), event("听。", finish="stop"), DONE)
        assert pipelines.chat("今天有点累", stream=True) == "我在听。"
        server.says(b"oh", status=500)
        assert "12356" in pipelines.chat("今天有点累")
        assert "12356" in pipelines.chat("我不想活了")
        assert len(server.calls) == 2
        assert KEY not in pipelines.log.read_text(encoding="utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert KEY not in repr(settings)
    found = next(one for one in examine(settings) if one.part == "model")
    assert found.ok
    monkeypatch.setenv("PSYLITE_MODEL", "other")
    found = next(one for one in examine(Settings.load()) if one.part == "model")
    assert "psylite" in found.cure
