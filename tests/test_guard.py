"""The door of the Pipelines server: what passes, what is refused, and what is taken out of the answers."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest
from full_disk import disk_full

from psylite_pipeline.errors import StackError
from psylite_pipeline.host.valves import PipeValves, mend_saved_valves
from psylite_pipeline.stack.guard import Guard
from psylite_pipeline.stack.server import _make_if_possible, open_whole, set_aside_broken_valves
from psylite_pipeline.stack.wordless import WordlessFormatter

KEY = "a-key-for-tests"


async def upstream(scope, receive, send):
    """Answers everything with the length of the body, and echoes any Origin as the real server does."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RuntimeError("the client went away")
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    headers = [
        (b"access-control-allow-origin", b"*"),
        (b"Access-Control-Allow-Credentials", b"true"),
        (b"x-kept", b"1"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"size": size}).encode()})


def ask(
    method="GET", path="/models", *, key=KEY, host="127.0.0.1:9099", hosts=(), max_body=1000, content=None, **headers
):
    async def go():
        transport = httpx.ASGITransport(Guard(upstream, KEY, hosts, max_body))
        given = {"host": host, **({"authorization": f"Bearer {key}"} if key else {}), **headers}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9099") as client:
            return await client.request(method, path, headers=given, content=content)

    return asyncio.run(go())


def test_with_the_key_everything_passes():
    assert ask().status_code == 200
    assert ask("POST", "/psylite/valves/update", content=b"12345").json() == {"size": 5}


def test_only_the_front_page_needs_no_key():
    assert ask(path="/", key="").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models"), ("GET", "/v1/models"), ("GET", "/v1"), ("GET", "/docs"), ("GET", "/openapi.json"),
        ("GET", "/psylite/valves"), ("POST", "/psylite/valves/update"), ("GET", "/psylite/valves/spec"),
        ("POST", "/psylite_filter/filter/inlet"), ("POST", "/psylite_filter/filter/outlet"),
        ("POST", "/chat/completions"), ("POST", "/v1/chat/completions"), ("POST", "/"), ("HEAD", "/"),
        ("OPTIONS", "/chat/completions"), ("DELETE", "/pipelines/delete"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], KEY + "x"])
def test_every_other_route_demands_the_key(method, path, key):
    assert ask(method, path, key=key).status_code == 401


@pytest.mark.parametrize("given", [f"Basic {KEY}", KEY, f"Bearer  {KEY}", f"Bearer {KEY} x", "Bearer "])
def test_the_key_must_come_as_a_bearer_token(given):
    assert ask(key="", authorization=given).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9099", "127.0.0.1.evil.example", "pipelines:9099", "", "["]
)
def test_a_foreign_host_is_refused(host):
    assert ask(path="/", host=host).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9099", "LOCALHOST", "[::1]:9099", "127.0.0.1:1"])
def test_loopback_by_any_name_passes(host):
    assert ask(host=host).status_code == 200


def test_further_names_are_a_setting():
    assert ask(host="pipelines:9099", hosts=["pipelines", ""]).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", ""])
def test_a_foreign_origin_is_refused_even_with_the_key(origin):
    answer = ask("POST", "/psylite/valves/update", origin=origin)
    assert answer.status_code == 403
    assert ask(path="/", origin=origin).status_code == 403


def test_a_preflight_is_refused_without_a_word_about_origins():
    answer = ask("OPTIONS", "/psylite/valves/update", key="", origin="https://evil.example")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_permission_for_any_page_is_taken_out_of_answers():
    answer = ask(origin="http://127.0.0.1:8080")
    assert answer.status_code == 200
    assert answer.headers["x-kept"] == "1"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_body_past_the_limit_is_refused_by_its_length():
    assert ask("POST", content=b"x" * 1000).json() == {"size": 1000}
    assert ask("POST", content=b"x" * 1001).status_code == 413


def test_a_body_past_the_limit_is_refused_while_it_arrives():
    async def pieces():
        for _ in range(30):
            yield b"x" * 100

    assert ask("POST", content=pieces()).status_code == 413


def test_a_length_that_is_no_number_is_refused():
    assert ask("POST", content=b"x", **{"content-length": "-1"}).status_code == 413


def test_a_socket_is_closed():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(upstream, KEY)({"type": "websocket", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("content", ["", '{"a": ', "[]", "\x00", "[" * 50_000], ids=lambda text: text[:6])
def test_broken_valves_are_set_aside_and_good_ones_stay(tmp_path, content, caplog):
    for name, text in (("bad", content), ("good", '{"humour": false}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "valves.json").write_text(text)
    (tmp_path / "bad" / "valves.json.broken-1").write_text("older")
    set_aside_broken_valves(tmp_path)
    assert not (tmp_path / "bad" / "valves.json").exists()
    assert (tmp_path / "bad" / "valves.json.broken-2").read_text() == content
    assert (tmp_path / "good" / "valves.json").read_text() == '{"humour": false}'
    assert "valves.json.broken-2" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_valves_that_an_editor_saved_in_another_encoding_hold_after_the_start(tmp_path, encoding):
    saved = tmp_path / "psylite" / "valves.json"
    saved.parent.mkdir()
    saved.write_bytes('{"region": "US", "model": "模型", "humour_every": 5000}'.encode(encoding))
    set_aside_broken_valves(tmp_path)
    mend_saved_valves(tmp_path / "psylite.py", PipeValves)
    assert json.loads(saved.read_text(encoding="utf-8")) == {"region": "US", "model": "模型"}
    assert sorted(path.name for path in saved.parent.iterdir()) == ["valves.json", "valves.json.broken-1"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    saved = tmp_path / "valves.json"
    with open_whole(str(saved), "w") as file:
        json.dump({"a": 1}, file)
    with pytest.raises(TypeError), open_whole(str(saved), "w") as file:
        json.dump({"a": object()}, file)
    assert json.loads(saved.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [saved]


def test_a_full_disk_at_the_start_is_told_and_takes_no_setting_with_it(tmp_path, caplog):
    saved = tmp_path / "valves.json"
    with disk_full(), open_whole(str(saved), "w") as file:
        json.dump({}, file)  # as upstream does where there is none
    assert caplog.text.count("could not be saved") == 1
    assert list(tmp_path.iterdir()) == []
    saved.write_text('{"a": 1}')
    for unsaved in ({}, {"a": 2}):
        with disk_full(), pytest.raises(StackError), open_whole(str(saved), "w") as file:
            json.dump(unsaved, file)
    assert json.loads(saved.read_text()) == {"a": 1}


def test_a_folder_that_cannot_be_made_at_the_start_is_made_by_the_first_save(tmp_path, monkeypatch):
    saved = tmp_path / "psylite" / "valves.json"

    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as disk:
        disk.setattr(type(saved), "mkdir", read_only)
        _make_if_possible(str(saved.parent))
        with open_whole(str(saved), "w") as file:
            json.dump({}, file)
    with open_whole(str(saved), "w") as file:
        json.dump({"a": 1}, file)
    assert json.loads(saved.read_text()) == {"a": 1}


def test_broken_valves_on_a_disk_that_takes_nothing_are_the_defaults(tmp_path, monkeypatch, caplog):
    saved = tmp_path / "psylite" / "valves.json"
    saved.parent.mkdir()
    saved.write_text("")

    def read_only(path):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("psylite_pipeline.stack.server.set_aside", read_only)
    set_aside_broken_valves(tmp_path)
    assert caplog.text.count("Read-only file system") == len(caplog.records) == 1
    with open_whole(str(saved), "r") as file:
        assert json.load(file) == {}


def test_a_logged_exception_keeps_its_words_to_itself():
    def raises():
        secret = "somebody's words"
        raise ValueError(secret)

    try:
        try:
            raises()
        except ValueError as error:
            raise ExceptionGroup("somebody's words", [error]) from error
    except ExceptionGroup as error:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "failed", (), (type(error), error, error.__traceback__))
    text = WordlessFormatter("%(message)s").format(record)
    assert "somebody" not in text
    assert "secret" not in text
    assert "ValueError" in text
    assert "test_guard.py" in text
