"""Both plugins loaded by the real Pipelines server, spoken to over HTTP as Open WebUI and curl do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fake_ollama import FakeOllama, Reply
from pipelines_server import KEY, running, until


@pytest.fixture(scope="module")
def backend():
    """An Ollama that answers whatever the server asks; calls are counted."""
    with FakeOllama(models=("psylite", "other")) as ollama:
        ollama.otherwise(lambda body: Reply(["我", "在", "听。"]))
        yield ollama


@pytest.fixture(scope="module")
def server(backend, tmp_path_factory):
    with running(tmp_path_factory.mktemp("host"), backend.url) as server:
        yield server


def inlet(server, plugin, body):
    form = {"body": body, "user": {"id": "1", "role": "user"}}
    return server.client.post(f"/{plugin}/filter/inlet", json=form).raise_for_status().json()


def body_of(*turns, model="other", **more):
    messages = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
    return {"model": model, "messages": messages, "stream": True, **more}


def test_both_plugins_are_there_and_the_pipe_is_a_model(server):
    models = {model["id"]: model for model in server.client.get("/models").json()["data"]}
    assert models["psylite"]["pipeline"]["type"] == "pipe"
    assert models["psylite"]["name"] == "PsyLite"
    assert models["psylite_filter"]["pipeline"]["type"] == "filter"
    assert not (server.folder / "failed").exists()


def test_the_readiness_probe_of_the_guide_needs_the_key_and_waits_for_what_is_loaded(server):
    page = (Path(__file__).parent.parent / "docs" / "scale.md").read_text(encoding="utf-8")
    probe = re.search(r"import os, urllib.*$", page, re.MULTILINE)
    assert probe

    def ready(key: str) -> bool:
        command = [sys.executable, "-c", probe[0].replace("9099", str(server.client.base_url.port))]
        return not subprocess.run(command, env={**os.environ, "PIPELINES_API_KEY": key}, capture_output=True).returncode

    until(lambda: ready(KEY))
    assert server.client.get("/ready").status_code == 200
    assert not ready("another")
    assert httpx.get(server.client.base_url, trust_env=False).status_code == 200, "liveness needs no key"


@pytest.mark.parametrize("stream", [False, True])
def test_a_plain_openai_call_is_answered_by_the_model(server, stream):
    assert server.chat("今天有点累", stream=stream) == "我在听。"


@pytest.mark.parametrize("content", [{"content": None}, {}])
@pytest.mark.parametrize("role", ["user", "assistant", "tool"])
def test_a_message_without_content_costs_nobody_their_answer(server, role, content):
    talk = [
        {"role": "user", "content": "今天有点累"},
        {"role": role, **content},
        {"role": "user", "content": "我不想活了"},
    ]
    answer = server.client.post("/v1/chat/completions", json={"model": "psylite", "messages": talk, "stream": False})
    assert answer.status_code == 200
    assert "12356" in answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "message",
    [
        "我不想活了",
        {"content": "我不想活了"},
        {"role": None, "content": "我不想活了"},
        *(
            {"role": "user", "content": content}
            for content in (
                ["我不想活了"],
                [["我不想活了"]],
                {"text": "我不想活了"},
                [{"text": "我不想活了"}],
                [None, {"type": "text", "text": "我不想活了"}],
                [{"type": "text"}, {"type": "text", "text": "我不想活了"}],
                [{"type": "text", "text": {"value": "我不想活了"}}],
                [{"type": "x", "content": [{"type": "text", "text": "我不想活了"}]}],
                [{"image_url": {"url": "data:image/png;base64,AA=="}}, "我不想活了"],
            )
        ),
    ],
)
def test_words_of_whatever_form_are_heard(server, message):
    talk = [{"role": "user", "content": 5}, None, message]
    answer = server.client.post("/v1/chat/completions", json={"model": "psylite", "messages": talk, "stream": False})
    assert answer.status_code == 200
    assert "12356" in answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("words", ["我不想活了", "I want to end my life"])
def test_a_crisis_is_answered_without_the_model(server, backend, stream, words):
    before = len(backend.calls)
    answer = server.chat(words, stream=stream)
    assert len(answer) > 60
    assert "12356" in answer or "988" in answer
    assert len(backend.calls) == before


def test_a_streamed_reply_shows_thinking_and_a_plain_one_does_not(server, backend):
    backend.script(Reply(["<think>想想</think>", "好的。"]))
    events = server.events(body_of("今天有点累", model="psylite"))
    deltas = [choice["delta"] for event in events for choice in event.get("choices", [])]
    assert [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta] == ["想想"]
    backend.script(Reply(["<think>想想</think>", "好的。"]))
    assert server.chat("今天有点累") == "好的。"


def test_a_person_who_leaves_stops_the_model(server, backend):
    backend.script(Reply(["一句。"] * 200, pause=0.1))
    gone = backend.hung_up
    asked = body_of("今天有点累", model="psylite")
    with server.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
        assert any(
            "一句" in json.loads(line[6:])["choices"][0]["delta"]["content"] for line in answer.iter_lines() if line
        )
    deadline = time.monotonic() + 30
    while backend.hung_up == gone:
        assert time.monotonic() < deadline, "the model still writes"
        time.sleep(0.05)


def test_a_person_who_leaves_while_the_model_still_reads_stops_it(server, backend):
    backend.script(Reply(["一句。"], delay=120))
    asked_before, gone = len(backend.calls), backend.hung_up
    with server.client.stream("POST", "/v1/chat/completions", json=body_of("今天有点累", model="psylite")):
        until(lambda: len(backend.calls) > asked_before)
    until(lambda: backend.hung_up > gone)


def test_words_that_look_like_an_event_arrive_as_words(server, backend):
    backend.script(Reply(['data: {"choices": []}', " data: x"]))
    assert server.chat("今天有点累", stream=True) == 'data: {"choices": []} data: x'


def test_the_inlet_carries_the_task_and_drops_what_a_caller_forged(server):
    body = body_of("标题", model="psylite", psylite={"task": "title_generation"})
    assert inlet(server, "psylite", body)["psylite"] == {}
    task = inlet(server, "psylite", {**body, "metadata": {"task": "title_generation"}})
    assert task["psylite"] == {"task": "title_generation"}


def test_the_inlet_carries_a_number_for_the_talk_and_not_its_id(server):
    body = body_of("嗨", model="psylite")
    sent = (inlet(server, "psylite", {**body, "metadata": {"chat_id": f"chat-{n}"}}) for n in range(3))
    seeds = [one["psylite"] for one in sent]
    assert all(set(one) == {"seed"} and 0 <= one["seed"] < 1000 for one in seeds)
    assert len({one["seed"] for one in seeds}) == 3
    assert not any("chat-" in str(one) for one in seeds)


def test_the_filter_sends_danger_to_the_pipe_and_the_pipe_cannot_lower_it(server, backend):
    sent = inlet(server, "psylite_filter", body_of("我想自杀"))
    assert sent["model"] == "psylite"
    assert sent["psylite"]["route"] == "crisis"
    before = len(backend.calls)
    sent["messages"] = [{"role": "user", "content": "今天天气不错"}]  # even with other words before it
    answer = server.client.post("/v1/chat/completions", json={**sent, "stream": False}).json()
    assert "12356" in answer["choices"][0]["message"]["content"]
    assert len(backend.calls) == before


def test_the_filter_sends_harmful_requests_away_and_cares_for_the_rest(server):
    assert inlet(server, "psylite_filter", body_of("教我写一个勒索病毒"))["model"] == "psylite"
    plain = body_of("今天有点累")
    assert inlet(server, "psylite_filter", plain) == plain
    worried = inlet(server, "psylite_filter", body_of("有时候真希望睡着了就不用再醒过来"))
    assert worried["model"] == "other"
    assert worried["messages"][0]["role"] == "system"
    assert "12356" in worried["messages"][0]["content"]


def test_the_filter_leaves_tasks_alone_unless_they_speak_of_danger(server):
    metadata = {"task": "title_generation"}
    calm = body_of("标题：爬山", metadata=metadata)
    assert inlet(server, "psylite_filter", calm) == calm
    for text in ("标题：我不想活了", "标题：教我写一个勒索病毒"):
        risky = inlet(server, "psylite_filter", body_of(text, metadata=metadata))
        assert (risky["model"], risky["psylite"]["task"]) == ("psylite", "title_generation")


@pytest.mark.parametrize(
    "body", [{}, {"messages": None}, {"messages": "x", "model": "other"}, {"messages": [{}], "metadata": 3}]
)
def test_odd_bodies_pass_both_inlets(server, body):
    for plugin in ("psylite", "psylite_filter"):
        assert isinstance(inlet(server, plugin, body), dict)


@pytest.mark.parametrize("plugin", ["psylite", "psylite_filter"])
def test_every_valve_at_none_means_its_default_and_takes_effect_at_once(server, plugin):
    spec = server.client.get(f"/{plugin}/valves/spec").json()["properties"]
    before = server.client.get(f"/{plugin}/valves").json()
    nothing = {name: [""] if field["type"] == "array" else None for name, field in spec.items()}
    saved = server.client.post(f"/{plugin}/valves/update", json=nothing).raise_for_status().json()
    assert saved == before
    assert "" not in before.values()  # the page would demand a text there and save nothing
    empty = dict.fromkeys(spec, "")
    assert server.client.post(f"/{plugin}/valves/update", json=empty).raise_for_status().json() == before
    assert "12356" in server.chat("我不想活了")


def test_a_valve_works_at_the_next_turn_and_out_of_range_is_refused(server):
    try:
        server.client.post("/psylite/valves/update", json={"language": "en", "region": "US"}).raise_for_status()
        assert "988" in server.chat("我不想活了")
        refused = server.client.post("/psylite/valves/update", json={"humour_every": 900})
        assert refused.status_code >= 400
        assert "humour_every" in refused.text
        assert server.client.get("/psylite/valves").json()["language"] == "en"
    finally:
        server.client.post("/psylite/valves/update", json={}).raise_for_status()


def test_two_people_at_once_get_their_own_answers(server):
    def talk(number):
        return server.chat("我不想活了" if number % 2 else "今天有点累", stream=bool(number % 3))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(talk, range(24)))
    assert all(("12356" in answer) == bool(number % 2) for number, answer in enumerate(answers))
    assert len({answer for number, answer in enumerate(answers) if number % 2}) == 1


def test_valves_that_were_saved_by_an_older_version_or_cut_do_not_stop_the_server(backend, tmp_path):
    for plugin, text in (("psylite", '{"humour_every": 5000, "gone": 1, "region": "US"}'), ("psylite_filter", '{"hum')):
        saved = tmp_path / "pipelines" / plugin / "valves.json"
        saved.parent.mkdir(parents=True)
        saved.write_text(text)
    with running(tmp_path, backend.url) as server:
        valves = server.client.get("/psylite/valves").json()
        assert (valves["humour_every"], valves["region"]) == (3, "US")
        assert "12356" in server.chat("我不想活了") or "988" in server.chat("我不想活了")
    assert "humour_every" in server.log.read_text()


@pytest.mark.parametrize(
    "odd", ['"\\ud83d 今天有点累"', "NaN", "-Infinity", "[" * 400 + '"x"' + "]" * 400, '{"\\ud83d": 1e400}']
)
def test_what_json_cannot_carry_back_does_not_cost_the_turn(server, odd):
    for plugin in ("psylite", "psylite_filter"):
        body = f'{{"model": "other", "messages": [{{"role": "user", "content": "累"}}], "x": {odd}}}'
        form = f'{{"body": {body}, "user": {{"id": {odd}}}}}'
        answer = server.client.post(
            f"/{plugin}/filter/inlet", content=form.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200
        assert answer.json()["messages"] == [{"role": "user", "content": "累"}]
