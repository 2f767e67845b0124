"""The model edge over real HTTP: what goes wrong on the wire becomes one of our errors, within the deadlines."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
from fake_ollama import FakeOllama, Reply
from scripted import Talk, scripted_counsellor

from psylite_pipeline.errors import ModelAway, ModelBroken, ModelCut, ModelError, ModelMissing, ModelTimeout
from psylite_pipeline.model import Deadlines, _Line
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.openai_model import OpenAIModel
from psylite_pipeline.pieces import Thought, Waiting, Words
from psylite_pipeline.settings import Preferences
from psylite_pipeline.thoughts import split_thoughts

ASKED = [{"role": "user", "content": "你好"}]
QUICK = Deadlines(first=0.5, silence=0.3)


def model_at(url: str) -> OllamaModel:
    return OllamaModel(url, num_ctx=2048, keep_alive="5m")


def said(pieces: list) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Words))


def test_streams_words_and_asks_for_its_window_and_keep_alive():
    with FakeOllama() as ollama:
        ollama.script(["你", "好", "。"])
        pieces = list(model_at(ollama.url).stream("psylite", ASKED, QUICK))
    assert [piece.text for piece in pieces] == ["你", "好", "。"]
    assert ollama.calls[0]["options"]["num_ctx"] == 2048
    assert ollama.calls[0]["keep_alive"] == "5m"
    assert ollama.calls[0]["options"]["num_predict"] == 512, "what prompt and template leave of the window"


def test_thinking_arrives_apart_whether_tagged_or_named():
    with FakeOllama() as ollama:
        ollama.script(Reply(["<thi", "nk>先想", "想</th", "ink>好", "的"]), Reply(["好"], think=["嗯"]))
        model = model_at(ollama.url)
        tagged = list(split_thoughts(model.stream("psylite", ASKED, QUICK), support=False))
        named = list(model.stream("psylite", ASKED, QUICK))
    assert said(tagged) == "好的"
    assert "".join(piece.text for piece in tagged if isinstance(piece, Thought)) == "先想想"
    assert named == [Thought("嗯"), Words("好")]


def test_who_waits_is_told_whether_the_model_is_being_loaded():
    with FakeOllama() as ollama:
        ollama.script(Reply(["好"], delay=0.5), Reply(["好"], delay=0.5))
        model = OllamaModel(ollama.url, num_ctx=2048, keep_alive="5m", first_sign=0.05)
        patient = Deadlines(first=30, silence=30)
        told = [next(iter(model.stream("psylite", ASKED, patient)))]
        ollama.loaded.add("psylite:latest")
        told.append(next(iter(model.stream("psylite", ASKED, patient))))
    assert [(type(piece), piece.loading) for piece in told] == [(Waiting, True), (Waiting, False)]


def test_a_model_that_spoke_lately_is_not_asked_after():
    with FakeOllama() as ollama:
        ollama.script(Reply(["好"]), Reply(["好"], delay=0.5), Reply(["好"], delay=0.5))
        model = OllamaModel(ollama.url, num_ctx=2048, keep_alive="5m", first_sign=0.05)
        patient = Deadlines(first=30, silence=30)
        assert said(list(model.stream("psylite", ASKED, patient))) == "好"
        ollama.loaded.clear()  # whoever asked now would hear that it is not in memory
        again = next(iter(model.stream("psylite", ASKED, patient)))
        ollama.loaded.clear()
        another = OllamaModel(ollama.url, num_ctx=2048, keep_alive="5m", first_sign=0.05)
        anew = next(iter(another.stream("psylite", ASKED, patient)))
    assert (again.loading, anew.loading) == (False, True)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=500), ModelBroken),
        (Reply(status=400), ModelBroken),
        (Reply(["a"], error_line="out of memory"), ModelBroken),
        (Reply(["a"], garbage="\x00\xff{{not json"), ModelBroken),
        (Reply(["a"], garbage='{"model":"psylite","mess'), ModelBroken),
        (Reply(["a", "b"], close_after=1), ModelBroken),
        (Reply(["a"], close_after=0), ModelBroken),
        (Reply(["a"], done_reason="length"), ModelCut),
        (Reply(["a"], hang=True), ModelTimeout),
        (Reply(["a"], delay=2.0), ModelTimeout),
    ],
)
def test_every_fault_is_one_of_our_errors(reply, error):
    with FakeOllama() as ollama:
        ollama.script(reply)
        started = time.monotonic()
        with pytest.raises(error):
            list(model_at(ollama.url).stream("psylite", ASKED, QUICK))
    assert time.monotonic() - started < 5


def test_unknown_model_and_no_server_are_told_apart():
    with FakeOllama(models=("other",)) as ollama:
        with pytest.raises(ModelMissing, match="valve Model goes before PSYLITE_MODEL"):
            list(model_at(ollama.url).stream("psylite", ASKED, QUICK))
        away = ollama.url
    with pytest.raises(ModelAway, match="OLLAMA_BASE_URL"):
        list(model_at(away).stream("psylite", ASKED, QUICK))


MISTYPED = ["http://localhost:port", "http://[::1", "http://127.0.0.1:99999", "ftp://127.0.0.1", "http://a b"]


@pytest.mark.parametrize("url", MISTYPED)
def test_a_mistyped_address_is_one_of_our_errors_and_names_the_setting(url):
    for model, setting in ((model_at(url), "OLLAMA_BASE_URL"), (OpenAIModel(url), "PSYLITE_OPENAI_URL")):
        with pytest.raises(ModelAway, match=setting):
            list(model.stream("psylite", ASKED, QUICK))


@pytest.mark.parametrize("url", MISTYPED)
def test_with_a_mistyped_address_decide_and_reply_still_do_not_raise(tmp_path, url):
    talk = Talk(scripted_counsellor(tmp_path, model_at(url)), Preferences(judge="always"))
    talk.say("x")
    assert talk.route == "support"  # the judge gave no verdict
    assert "judge.no-verdict" in talk.decision.rules
    assert "988" in talk.shown


def test_without_a_thread_to_listen_the_client_is_closed(monkeypatch):
    closed = []
    model = model_at("http://127.0.0.1:9")
    monkeypatch.setattr(model, "_client", lambda **_: SimpleNamespace(close=lambda: closed.append(True)))
    monkeypatch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("no thread")))
    with pytest.raises(ModelError):
        list(model.stream("psylite", ASKED, QUICK))
    assert closed == [True]


def test_ten_megabytes_in_one_piece_arrive():
    with FakeOllama() as ollama:
        ollama.script(Reply(["a"], big=3_500_000))
        pieces = list(model_at(ollama.url).stream("psylite", ASKED, Deadlines(20, 20)))
    assert len(said(pieces)) == 3_500_001


def hung_up(ollama: FakeOllama) -> bool:
    """Whether the caller hangs up within five seconds."""
    for _ in range(100):
        if ollama.hung_up:
            break
        time.sleep(0.05)
    return ollama.hung_up == 1


def test_closing_the_stream_hangs_up_on_the_model():
    with FakeOllama() as ollama:
        ollama.script(Reply(["字"] * 400, pause=0.02))
        stream = model_at(ollama.url).stream("psylite", ASKED, Deadlines(5, 5))
        assert next(stream) == Words("字")
        stream.close()
        assert hung_up(ollama)


def test_closing_the_stream_hangs_up_on_a_model_that_still_reads():
    with FakeOllama() as ollama:
        ollama.script(Reply(["字"], delay=60))
        model = OllamaModel(ollama.url, num_ctx=2048, keep_alive="5m", first_sign=0.05)
        stream = model.stream("psylite", ASKED, Deadlines(60, 60))
        while not ollama.calls:
            assert isinstance(next(stream), Waiting)
        stream.close()
        assert hung_up(ollama)


def test_a_stream_closed_while_the_line_opens_asks_for_nothing():
    line = _Line()
    request = httpx.Request("GET", "http://127.0.0.1:9")
    line.watch(request)
    line.cut()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        opened = SimpleNamespace(get_extra_info={"socket": ours}.get)
        request.extensions["trace"]("connection.connect_tcp.complete", {"return_value": opened})
        with pytest.raises(OSError):
            ours.send(b"a person's words")
        assert theirs.recv(1) == b""


def test_a_judge_answers_to_a_schema_within_its_deadline():
    with FakeOllama() as ollama:
        ollama.script(Reply.as_json({"level": "high"}), Reply(["not json"]), Reply(["{"], hang=True))
        model = model_at(ollama.url)
        schema = {"type": "object"}
        assert model.ask("psylite", ASKED, schema, 2) == {"level": "high"}
        with pytest.raises(ModelBroken):
            model.ask("psylite", ASKED, schema, 2)
        with pytest.raises(ModelTimeout):
            model.ask("psylite", ASKED, schema, 0.3)
    assert ollama.calls[0]["format"] == schema


def test_a_judge_that_began_in_time_and_falls_silent_is_late_all_the_same():
    with FakeOllama() as ollama:
        ollama.script(Reply(["{"], delay=1.5, hang=True))
        started = time.monotonic()
        with pytest.raises(ModelTimeout):
            model_at(ollama.url).ask("psylite", ASKED, {"type": "object"}, 2)
    assert time.monotonic() - started < 3.4, "silence is allowed until the deadline, not as long again"
