"""Three Pipelines servers behind nginx answer as one, and go on when one of them is killed while people talk."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fake_ollama import FakeOllama, Reply
from pipelines_server import KEY, Server, free_port, running

CONFIGURATION = Path(__file__).resolve().parent.parent / "docs" / "scale" / "nginx.conf"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, shared_data):
    """The three servers, and nginx in front of them with the configuration of the documentation."""
    program = shutil.which("nginx")
    if not program:
        pytest.skip("nginx is not installed; .ci/run does so")
    folder = tmp_path_factory.mktemp("scale")
    with ExitStack() as stack:
        ollama = stack.enter_context(FakeOllama(models=("psylite",)))
        ollama.otherwise(lambda body: Reply(["我", "在", "听", "。"], pause=0.05))
        servers = [
            stack.enter_context(running(folder / str(number), ollama.url, PSYLITE_DATA_DIR=str(shared_data)))
            for number in range(3)
        ]
        port = free_port()
        text = CONFIGURATION.read_text(encoding="utf-8").replace("127.0.0.1:9099", f"127.0.0.1:{port}")
        for number, server in enumerate(servers, 9101):
            text = text.replace(f"127.0.0.1:{number}", f"127.0.0.1:{server.client.base_url.port}")
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command = [program, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr"]
        log = stack.enter_context((folder / "nginx.log").open("wb"))
        process = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        client = stack.enter_context(
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=60,
                trust_env=False,
            )
        )  # fmt: skip
        for _ in range(100):
            try:
                client.get("/")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield Server(client, folder, folder / "nginx.log", process), servers


def test_one_talk_goes_on_whichever_server_answers(crowd):
    front, servers = crowd
    said = ["我不想活了"]
    for _ in range(6):  # more turns than servers: each gets some
        answer = front.chat(*said, stream=True)
        assert answer == servers[0].chat(*said) == servers[1].chat(*said) == servers[2].chat(*said)
        said += [answer, "嗯"]
    assert "12356" in said[1]


def test_a_wrong_key_is_refused_through_nginx_too(crowd):
    front, _ = crowd
    answer = front.client.get("/models", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_a_server_killed_under_load_costs_at_most_the_answers_it_was_writing(crowd):
    front, servers = crowd
    doomed, begun = servers[1].process, threading.Event()
    asked = {"model": "psylite", "stream": True, "messages": [{"role": "user", "content": "今天有点累"}]}

    def talk(number: int) -> list[tuple[bool, str]]:
        """For each turn: whether it began before the kill, and what came."""
        heard = []
        for turn in range(6):
            before = doomed.poll() is None
            try:
                words = front.chat("我不想活了" if (number + turn) % 3 == 0 else "今天有点累", stream=True)
            except httpx.HTTPError as error:
                words = type(error).__name__
            heard.append((before, words))
            if turn == 1:
                begun.set()
        return heard

    with ThreadPoolExecutor(9) as pool:
        talks = [pool.submit(talk, number) for number in range(9)]
        begun.wait(60)
        doomed.kill()
        doomed.wait()
        heard = [one for done in talks for one in done.result()]
    whole = [words for _, words in heard if words == "我在听。" or "12356" in words]
    late = [words for before, words in heard if not before]
    assert len(late) > 10
    assert all(words == "我在听。" or "12356" in words for words in late)  # none after the kill
    assert len(heard) - len(whole) <= 9  # at most what was being written at that moment
    events = front.events(asked)
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
