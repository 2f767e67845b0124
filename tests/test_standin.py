"""The stand-in's server without its model: Ollama's shapes, cutting, hanging up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import httpx
import ollama
import pytest
from standin_server import HELLO, FakeBackend, Live, until

from psylite_pipeline.stack.standin.backend import BackendError, Message, Sampling
from psylite_pipeline.stack.standin.window import fit

LINE = {"model", "created_at", "message", "done"}
LAST_LINE = LINE | {
    "done_reason",
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
}
DETAILS = {"parent_model", "format", "family", "families", "parameter_size", "quantization_level"}
SHOW = {"modelfile", "parameters", "template", "details", "model_info", "tensors", "capabilities", "modified_at"}


@pytest.fixture
def live() -> Iterator[Live]:
    live = Live()
    live.thread.start()
    yield live
    live.server.should_exit = True
    live.thread.join(5.0)


@pytest.fixture
def client(live: Live) -> ollama.Client:
    return ollama.Client(host=live.url, timeout=5.0)


# -- answers ----------------------------------------------------------------------------------------------------------


def test_a_stream_has_the_recorded_lines(live: Live) -> None:
    response = live.post(messages=HELLO)
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.headers["content-type"] == "application/x-ndjson"
    assert [set(line) for line in lines] == [LINE, LINE, LAST_LINE]
    assert [line["message"]["content"] for line in lines] == ["Hel", "lo.", ""]
    assert lines[-1]["done_reason"] == "stop"
    assert lines[-1]["prompt_eval_count"] == 5
    assert lines[0]["model"] == "psylite-standin"
    assert lines[0]["created_at"].endswith("Z")


def test_one_answer_has_the_recorded_keys(live: Live) -> None:
    live.backend.reason = "length"
    answer = live.post(messages=HELLO, stream=False).json()
    assert set(answer) == LAST_LINE
    assert answer["message"] == {"role": "assistant", "content": "Hello."}
    assert answer["done_reason"] == "length"


def test_no_messages_only_load(live: Live) -> None:
    answer = live.post(messages=[], stream=False).json()
    assert set(answer) == LINE | {"done_reason"}
    assert (answer["done"], answer["done_reason"]) == (True, "load")
    assert live.backend.seen == []


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"model":', 400, "unexpected EOF"),
        (b"", 400, "missing request body"),
        (b"[]", 400, "json: cannot unmarshal array into Go value of type api.ChatRequest"),
        (b'{"model":"nope","messages":[{"role":"user","content":"hi"}]}', 404, "model 'nope' not found"),
        (
            b'{"model":"psylite-standin","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}',
            400,
            "json: cannot unmarshal array into Go struct field Alias.content of type string",
        ),
        (
            b'{"model":"psylite-standin","messages":[],"options":{"num_ctx":"many"}}',
            400,
            'option "num_ctx" must be of type integer',
        ),
    ],
)
def test_refusals_use_ollamas_words(live: Live, body: bytes, status: int, error: str) -> None:
    response = httpx.post(live.url + "/api/chat", content=body)
    assert (response.status_code, response.json()) == (status, {"error": error})


def test_the_real_client_reads_everything(live: Live, client: ollama.Client) -> None:
    streamed = client.chat("psylite-standin", HELLO, stream=True, keep_alive="24h")
    assert "".join(part.message.content or "" for part in streamed) == "Hello."
    assert client.chat("psylite-standin:latest", [{"role": "user"}]).message.content == "Hello."
    assert client.list().models[0].model == "psylite-standin:latest"
    assert client.ps().models[0].model == "psylite-standin:latest"
    assert client.pull("psylite-standin").status == "success"
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.show("nope")


def test_it_says_that_it_is_a_stand_in(live: Live) -> None:
    shown = live.post("/api/show").json()
    assert set(shown) >= SHOW
    assert set(shown["details"]) == DETAILS
    assert "stand-in, not PsyLite" in shown["details"]["parent_model"]
    assert "not for people in need" in shown["model_info"]["general.description"]
    assert "general.architecture" in shown["model_info"]


def test_lists_have_the_recorded_keys(live: Live) -> None:
    model = httpx.get(live.url + "/api/tags").json()["models"][0]
    assert set(model) == {"name", "model", "modified_at", "size", "digest", "details", "capabilities"}
    assert set(model["details"]) == DETAILS | {"context_length", "embedding_length"}
    assert httpx.get(live.url).text == "Ollama is running"
    assert set(httpx.get(live.url + "/api/version").json()) == {"version"}
    assert live.post("/api/embed", input=["hello"]).status_code == 501


def test_pulling_anything_else_fails_inside_the_stream(live: Live) -> None:
    response = live.post("/api/pull", model="qwen3:0.6b")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.status_code == 200
    assert [list(line) for line in lines] == [["status"], ["error"]]


def test_v1_streams_and_answers(live: Live) -> None:
    body = {"messages": HELLO, "max_tokens": 8, "stream": True, "stream_options": {"include_usage": True}}
    events = [e.removeprefix("data: ") for e in live.post("/v1/chat/completions", **body).text.split("\n\n") if e]
    assert events[-1] == "[DONE]"
    first, second, end, usage = map(json.loads, events[:-1])
    assert set(first) == {"id", "object", "created", "model", "system_fingerprint", "choices"}
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}, "finish_reason": None}]
    assert second["choices"][0]["delta"] == {"content": "lo."}
    assert end["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert usage["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    assert live.backend.seen[0][1].limit == 8
    parts = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    answer = live.post("/v1/chat/completions", messages=parts).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello."}
    assert live.backend.seen[1][0] == "hi"


def test_v1_wraps_errors(live: Live) -> None:
    response = live.post("/v1/chat/completions", model="nope", messages=HELLO)
    error = {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}
    assert (response.status_code, response.json()) == (404, {"error": error})


def test_options_and_schema_reach_the_model(live: Live) -> None:
    schema = {"type": "object", "properties": {"risk": {"type": "integer"}}}
    options = {"num_predict": 40, "temperature": 0, "seed": 1, "stop": ["x"], "num_thread": 1, "top_p": None}
    live.post(messages=HELLO, format=schema, options=options)
    sampling = live.backend.seen[0][1]
    assert sampling == Sampling(40, {"temperature": 0, "seed": 1, "stop": ["x"]}, schema)
    live.post(messages=HELLO, format="json")
    assert live.backend.seen[1][1].schema == {"type": "object"}


def test_no_prompt_is_added(live: Live) -> None:
    live.post(messages=[{"role": "system", "content": "S"}, *HELLO])
    assert live.backend.seen[0][0] == "Shello"


def test_a_failure_before_the_first_word_is_a_status_and_later_a_line(live: Live) -> None:
    live.backend.pieces = [BackendError("the model does not answer")]
    response = live.post(messages=HELLO)
    assert (response.status_code, response.json()) == (500, {"error": "the model does not answer"})
    live.backend.pieces = [BackendError("not this format", refused=True)]
    assert live.post(messages=HELLO, stream=False).status_code == 400
    live.backend.pieces = ["a", BackendError("gone")]
    assert json.loads(live.post(messages=HELLO).text.splitlines()[-1]) == {"error": "gone"}
    assert "gone" in live.post("/v1/chat/completions", messages=HELLO, stream=True).text


def test_an_error_nobody_foresaw_is_logged_without_words(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.backend.pieces = [RuntimeError("secret words")]
    response = live.post(messages=HELLO)
    assert (response.status_code, response.json()) == (500, {"error": "internal error of the stand-in"})
    assert "unexpected RuntimeError" in caplog.text
    assert "secret words" not in caplog.text


def test_pages_from_elsewhere_are_refused(live: Live) -> None:
    assert httpx.get(live.url + "/api/tags", headers={"Origin": "http://elsewhere.example"}).status_code == 403
    assert httpx.get(live.url + "/api/tags", headers={"Host": "elsewhere.example"}).status_code == 403
    assert httpx.get(live.url + "/api/tags", headers={"Origin": "http://localhost:8080"}).status_code == 200


# -- clients that leave -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_leaving_before_the_first_word_stops_the_model(live: Live, stream: bool) -> None:
    live.backend.slow_prompt = 60.0
    body = {"model": "psylite-standin", "messages": HELLO, "stream": stream}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(live.url + "/api/chat", json=body, timeout=0.3)
    assert len(live.backend.seen) == 1
    assert until(lambda: live.backend.running == 0)


def test_leaving_in_the_middle_stops_the_model(live: Live, client: ollama.Client) -> None:
    live.backend.pieces, live.backend.pause = ["a"] * 1000, 0.01
    stream = client.chat("psylite-standin", HELLO, stream=True)
    next(stream)
    assert live.backend.running == 1
    stream.close()  # type: ignore[attr-defined]
    assert until(lambda: live.backend.running == 0)


def test_two_people_at_once(live: Live, client: ollama.Client) -> None:
    live.backend.pause = 0.05
    texts: list[str | None] = []
    people = [
        threading.Thread(target=lambda: texts.append(client.chat("psylite-standin", HELLO).message.content))
        for _ in range(2)
    ]
    for person in people:
        person.start()
    assert until(lambda: live.backend.running == 2)
    for person in people:
        person.join(5.0)
    assert texts == ["Hello.", "Hello."]


# -- the window -------------------------------------------------------------------------------------------------------


def fitted(messages: list[Message], num_ctx: int) -> str:
    return "".join(map(chr, asyncio.run(fit(FakeBackend(), messages, num_ctx))))


def test_old_messages_go_first_and_the_system_prompt_stays() -> None:
    talk: list[Message] = [{"role": "system", "content": "S" * 5}]
    talk += [{"role": "user", "content": letter * 10} for letter in "abcdef"]
    assert fitted(talk, 1000) == "SSSSS" + "".join(letter * 10 for letter in "abcdef")
    assert fitted(talk, 30) == "SSSSS" + "e" * 10 + "f" * 10
    assert fitted(talk, 15) == "SSSSS" + "f" * 10


def test_one_long_message_is_cut_as_recorded() -> None:
    cut = fitted([{"role": "user", "content": "w" * 3000}], 512)
    assert len(cut) == 259
    assert len(fitted([{"role": "user", "content": "w" * 3000}], 100_000)) <= FakeBackend.context


def test_a_reply_never_passes_the_models_context(live: Live) -> None:
    live.post(messages=[{"role": "user", "content": "w" * 700}], options={"num_predict": 10_000})
    assert live.backend.seen[0][1].limit == 300
