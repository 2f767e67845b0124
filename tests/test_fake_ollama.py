"""The scripted Ollama itself: the recorded shapes, read with the real client, and its strictness."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import httpx
import ollama as client_library
import pytest
from fake_ollama import FakeOllama, Reply

HELLO = [{"role": "user", "content": "你好"}]
MODEL = "psylite"
LAST_LINE = {
    "model",
    "created_at",
    "message",
    "done",
    "done_reason",
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
}


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama(models=(MODEL,)) as fake:
        yield fake


@pytest.fixture
def client(fake: FakeOllama) -> client_library.Client:
    return client_library.Client(host=fake.url, timeout=5.0)


def post(fake: FakeOllama, path: str = "/api/chat", **body: object) -> httpx.Response:
    return httpx.post(fake.url + path, json={"model": MODEL, **body}, timeout=5.0)


def test_the_real_client_reads_a_stream(fake: FakeOllama, client: client_library.Client) -> None:
    fake.script(["我", "在", "听。"])
    parts = list(client.chat(MODEL, HELLO, stream=True, options={"num_ctx": 512}))
    assert [part.message.content for part in parts] == ["我", "在", "听。", ""]
    assert [part.done for part in parts] == [False, False, False, True]
    assert parts[-1].done_reason == "stop"
    assert fake.calls[0]["messages"] == HELLO
    assert fake.calls[0]["options"]["num_ctx"] == 512


def test_the_real_client_reads_one_answer_and_a_schema(fake: FakeOllama, client: client_library.Client) -> None:
    fake.script("好。", Reply.as_json({"risk": 1}))
    assert client.chat(MODEL, HELLO).message.content == "好。"
    answer = client.chat(MODEL, HELLO, format={"type": "object"}).message.content
    assert json.loads(answer or "") == {"risk": 1}
    assert fake.calls[1]["format"] == {"type": "object"}


def test_stream_lines_have_the_recorded_keys(fake: FakeOllama) -> None:
    fake.script(["a", "b"])
    response = post(fake, messages=HELLO)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.headers["content-type"] == "application/x-ndjson"
    assert set(lines[0]) == {"model", "created_at", "message", "done"}
    assert set(lines[-1]) == LAST_LINE
    assert lines[-1]["message"] == {"role": "assistant", "content": ""}


def test_no_messages_only_load_the_model(fake: FakeOllama) -> None:
    answer = post(fake, messages=[], stream=False).json()
    assert set(answer) == {"model", "created_at", "message", "done", "done_reason"}
    assert answer["done_reason"] == "load"
    assert fake.calls == []
    assert len(fake.loads) == 1


def test_a_list_of_parts_is_refused(fake: FakeOllama) -> None:
    response = post(fake, messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    assert response.status_code == 400
    assert response.json() == {
        "error": "json: cannot unmarshal array into Go struct field Alias.content of type string"
    }
    assert len(fake.calls) == 1


def test_broken_json_and_unknown_models_are_refused(fake: FakeOllama) -> None:
    response = httpx.post(fake.url + "/api/chat", content=b'{"model":')
    assert (response.status_code, response.json()) == (400, {"error": "unexpected EOF"})
    response = httpx.post(fake.url + "/api/chat", json={"model": "nope", "messages": HELLO})
    assert (response.status_code, response.json()) == (404, {"error": "model 'nope' not found"})


def test_the_quiet_calls(fake: FakeOllama, client: client_library.Client) -> None:
    assert httpx.get(fake.url).text == "Ollama is running"
    assert httpx.get(fake.url + "/api/version").json() == {"version": "0.32.15"}
    assert client.list().models[0].model == "psylite:latest"
    assert client.ps().models == []
    assert client.show("psylite:latest").capabilities == ["completion"]
    with pytest.raises(client_library.ResponseError, match="not found"):
        client.show("nope")


def test_pulling_fails_inside_the_stream_and_can_succeed() -> None:
    with FakeOllama(models=(), pullable=("psylite",)) as fake:
        lines = [json.loads(line) for line in post(fake, "/api/pull", model="qwen3:0.6b").text.splitlines()]
        assert lines[0] == {"status": "pulling manifest"}
        assert list(lines[1]) == ["error"]
        client = client_library.Client(host=fake.url)
        assert [step.status for step in client.pull(MODEL, stream=True)] == ["pulling manifest", "success"]
        assert client.list().models[0].model == "psylite:latest"


def test_an_extra_call_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="unexpected model call"), FakeOllama() as fake:
        assert post(fake, messages=HELLO).status_code == 500


def test_an_unknown_path_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="GET /api/nonsense"), FakeOllama() as fake:
        assert httpx.get(fake.url + "/api/nonsense").status_code == 404


def test_a_reply_nobody_asked_for_is_found(fake: FakeOllama) -> None:
    fake.script("unused")
    fake.check()
    with pytest.raises(AssertionError, match="1 scripted"):
        fake.check(all_used=True)


def test_replies_are_picked_by_what_was_asked(fake: FakeOllama, client: client_library.Client) -> None:
    fake.script(Reply("judge", when=lambda body: "format" in body), "chat")
    fake.otherwise(lambda body: body["messages"][-1]["content"])
    assert client.chat(MODEL, HELLO).message.content == "chat"
    assert client.chat(MODEL, HELLO, format="json").message.content == "judge"
    assert client.chat(MODEL, HELLO).message.content == "你好"


def test_a_status_and_an_error_line(fake: FakeOllama, client: client_library.Client) -> None:
    fake.script(Reply(status=503, error="busy"), Reply("half", error_line="out of memory"))
    with pytest.raises(client_library.ResponseError, match="busy"):
        client.chat(MODEL, HELLO)
    stream = client.chat(MODEL, HELLO, stream=True)
    assert next(stream).message.content == "half"
    with pytest.raises(client_library.ResponseError, match="out of memory"):
        next(stream)


def test_garbage_cuts_and_silence(fake: FakeOllama) -> None:
    fake.script(Reply("a", garbage="<html>"), Reply(["a", "b"], close_after=1), Reply("a", hang=True), Reply(hang=True))
    assert post(fake, messages=HELLO).text.splitlines()[-1] == "<html>"
    with pytest.raises(httpx.RemoteProtocolError):
        post(fake, messages=HELLO)
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(fake.url + "/api/chat", json={"model": MODEL, "messages": HELLO}, timeout=0.2)


def test_cuts_and_silence_without_a_stream(fake: FakeOllama) -> None:
    fake.script(Reply("a", close_after=0), Reply("a", hang=0.05), Reply("a", garbage="{"), Reply("a", error_line="no"))
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            post(fake, messages=HELLO, stream=False)
    assert post(fake, messages=HELLO, stream=False).text == "{"
    assert post(fake, messages=HELLO, stream=False).status_code == 500


def test_thinking_and_big_replies(fake: FakeOllama, client: client_library.Client) -> None:
    fake.script(Reply("x", think=["hm"]), Reply("x", big=100_000))
    first, *_ = client.chat(MODEL, HELLO, stream=True)
    assert first.message.thinking == "hm"
    assert len(client.chat(MODEL, HELLO).message.content or "") == 100_001
    with pytest.raises(client_library.ResponseError, match="does not support thinking"):
        client.chat(MODEL, HELLO, think=True)


def test_a_client_that_goes_away_is_noticed(fake: FakeOllama) -> None:
    fake.script(Reply(["a", "b"], pause=30.0))
    request = {"model": MODEL, "messages": HELLO}
    with httpx.stream("POST", fake.url + "/api/chat", json=request) as response:
        assert next(response.iter_lines())
    until = time.monotonic() + 2.0
    while not fake.hung_up and time.monotonic() < until:
        time.sleep(0.005)
    assert fake.hung_up == 1


def test_two_at_once(fake: FakeOllama, client: client_library.Client) -> None:
    fake.otherwise(lambda body: Reply(list(body["messages"][-1]["content"]), pause=0.01))
    got: dict[str, str] = {}

    def talk(words: str) -> None:
        stream = client.chat(MODEL, [{"role": "user", "content": words}], stream=True)
        got[words] = "".join(part.message.content or "" for part in stream)

    people = [threading.Thread(target=talk, args=(words,)) for words in ("abcdef", "一二三四五六")]
    for person in people:
        person.start()
    for person in people:
        person.join(5.0)
    assert got == {"abcdef": "abcdef", "一二三四五六": "一二三四五六"}


def test_after_stop_nobody_answers() -> None:
    fake = FakeOllama()
    with fake:
        fake.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(fake.url + "/api/version")
