"""Ollama fails in every way we could think of, behind the real Pipelines server.

For each fault: what the person reads, what the log says (never a word of theirs), and that the next turn works.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from fake_ollama import FakeOllama, Reply
from pipelines_server import free_port, running

from psylite_pipeline.opening import open_replies
from psylite_pipeline.settings import Settings

#: A word that nothing else says: it must be in no log, file or error text.
MARK = "蓝鲸七号"
TURN = f"今天有点累，{MARK}"
HTML = "<!doctype html><html><body>Sign in</body></html>"

#: fault, the notice that the person reads, what the log says
FAULTS = {
    "404 model not found": (Reply(status=404), "model_missing", "Ollama has no model named 'psylite'"),
    "400": (Reply(status=400, error=MARK), "model_away", "status 400"),
    "401": (Reply(status=401), "model_away", "status 401"),
    "500": (Reply(status=500, error=MARK), "model_away", "status 500"),
    "503": (Reply(status=503), "model_away", "status 503"),
    "half a JSON line at first": (Reply(garbage='{"model":"psylite","mess'), "model_away", "JSONDecodeError"),
    "half a JSON line later": (Reply(["好"], garbage='{"message":{"con'), "model_cut", "JSONDecodeError"),
    "garbage bytes": (Reply(["好"], garbage=b"\x00\xff\xfe\x80{{"), "model_cut", "did not answer in its protocol"),
    "a page in place of an answer": (Reply(garbage=HTML), "model_away", "did not answer in its protocol"),
    "a line of another form": (Reply(["好"], garbage="[1, 2]"), "model_cut", "did not answer in its protocol"),
    "null": (Reply(["好"], garbage="null"), "model_cut", "did not answer in its protocol"),
    "an error line at first": (Reply(error_line=MARK), "model_away", "Ollama refused the request"),
    "an error line later": (Reply(["好"], error_line=MARK), "model_cut", "Ollama refused the request"),
    "cut after the headers": (Reply(["好"], close_after=0), "model_away", "before its answer was whole"),
    "cut between tokens": (Reply(["好", "的"], close_after=1), "model_cut", "before its answer was whole"),
    "silence from the beginning": (Reply(delay=60), "model_slow", "silent for 5 seconds"),
    "silence after a token": (Reply(["好"], hang=True), "model_cut", "silent for 2 seconds"),
    "an answer of nothing": (Reply(()), "model_empty", None),
    "an answer of spaces": (Reply([" ", "\n\n"]), "model_empty", None),
    "only thinking": (Reply(["<think>嗯"]), "model_empty", None),
    "thinking up to the limit": (Reply((), think=["嗯"], done_reason="length"), "model_empty", "limit of tokens"),
}  # fmt: skip


@pytest.fixture(scope="module")
def backend():
    with FakeOllama(models=("psylite",)) as ollama:
        yield ollama


@pytest.fixture(scope="module")
def server(backend, tmp_path_factory, shared_data):
    with running(tmp_path_factory.mktemp("faults"), backend.url, PSYLITE_DATA_DIR=str(shared_data)) as server:
        hasty = {"first_piece_seconds": 5, "silence_seconds": 2}
        server.client.post("/psylite/valves/update", json=hasty).raise_for_status()
        yield server


def notice(name: str) -> str:
    """What the person must read, up to the first comma or full stop: the helpline in it depends on the region."""
    replies = open_replies(Settings.load())
    assert replies is not None
    return replies.notice(name, lang="zh-Hans", region="auto").split("，")[0]


def logged(server, before: int) -> str:
    return server.log.read_text(encoding="utf-8")[before:]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_true_words_a_log_line_and_a_working_server(server, backend, told, fault, stream):
    reply, words, line = FAULTS[fault]
    before = len(server.log.read_text(encoding="utf-8"))
    backend.script(reply)
    answer = server.chat(TURN, stream=stream)
    assert notice(words) in answer
    if words == "model_cut":
        assert answer.startswith("好")
    assert "Traceback" not in answer
    assert MARK not in answer
    said = logged(server, before)
    assert (line in said) if line else not said
    assert MARK not in said
    backend.script("我在听。")
    assert server.chat(TURN, answer, "嗯", stream=stream) == "我在听。"
    if stream:
        told(fault, answer, said)


def test_a_crisis_is_answered_while_the_model_fails(server, backend):
    before = len(backend.calls)
    assert "12356" in server.chat("我不想活了", stream=True)
    assert len(backend.calls) == before


def test_ten_megabytes_in_one_piece_arrive_whole(server, backend, told):
    before = len(server.log.read_text(encoding="utf-8"))
    backend.script(Reply(["好"], big=3_400_000))
    assert server.chat(TURN, stream=True) == "好" + "字" * 3_400_000
    backend.script("我在听。")
    assert server.chat(TURN) == "我在听。"
    told("10 MB in one piece", "好字字字… (all of it)", logged(server, before))


OLLAMA = """
import sys, time
from fake_ollama import FakeOllama, Reply
def answer(body):
    print("asked", flush=True)
    return Reply(["一", "二", "三"], delay=float(sys.argv[2]), pause=float(sys.argv[3]))
with FakeOllama(models=("psylite",), port=int(sys.argv[1])).otherwise(answer):
    print("ready", flush=True)
    time.sleep(600)
"""


class OllamaProcess:
    """A scripted Ollama that can be killed as the kernel kills: no goodbye, no last byte."""

    def __init__(self, port: int, delay: float = 0, pause: float = 0) -> None:
        command = [sys.executable, "-c", OLLAMA, str(port), str(delay), str(pause)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True)
        self.wait_for("ready")

    def wait_for(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def started(port: int, **pace: float):
    process = OllamaProcess(port, **pace)
    try:
        yield process
    finally:
        process.kill()


def test_ollama_killed_before_during_and_after_the_first_token(tmp_path, shared_data, told):
    port = free_port()
    asked = {"model": "psylite", "stream": True, "messages": [{"role": "user", "content": TURN}]}
    with running(tmp_path, f"http://127.0.0.1:{port}", PSYLITE_DATA_DIR=str(shared_data)) as server:

        def read(during):
            """The streamed answer; `during` is called with the text so far after each event."""
            text = ""
            with server.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
                for line in answer.iter_lines():
                    if line.startswith('data: {"') and '"content": "' in line:
                        text += line.split('"content": "')[1].split('"')[0].encode().decode("unicode_escape")
                        during(text)
            return text

        reads = {"Ollama does not run": server.chat(TURN, stream=True)}
        with started(port):
            assert server.chat(TURN, stream=True) == "一二三"
        with started(port, delay=60) as ollama:  # before the first token
            Thread(target=lambda: (ollama.wait_for("asked"), ollama.kill())).start()
            reads["Ollama killed before its first token"] = server.chat(TURN, stream=True)
        assert all(notice("model_away") in answer for answer in reads.values())
        with started(port, pause=60) as ollama:  # after the first token
            text = reads["Ollama killed after a token"] = read(lambda text: ollama.kill() if text == "一" else None)
            assert text.startswith("一")
            assert notice("model_cut") in text
        with started(port):
            assert server.chat(TURN, "一二三", "嗯") == "一二三"
        log = server.log.read_text(encoding="utf-8")
    assert "Ollama does not answer at OLLAMA_BASE_URL" in log
    assert MARK not in log
    lines = [line for line in log.splitlines() if "psylite_pipeline" in line]
    assert len(lines) == len(reads)
    for (fault, answer), line in zip(reads.items(), lines, strict=True):
        told(fault, answer, line)
