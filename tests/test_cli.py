"""The command `psylite`: what it reads, prints and exits with, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import psylite
from scripted import snippet_folder, snippet_toml

from psylite_pipeline import cli
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.humour.choosing import THRESHOLDS
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Settings, bundled

ROOT = Path(__file__).resolve().parent.parent


def line(content, **more) -> str:
    return json.dumps({"messages": [{"role": "user", "content": content}], **more}, ensure_ascii=False)


def decided(given: bytes | str, *words: str) -> tuple[int, list[dict]]:
    done = psylite("decide", *words, given=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, [json.loads(one) for one in done.stdout.splitlines()]


CALM, DANGER = line("今天有点累"), line("我不想活了")


# -- decide


@pytest.mark.usefixtures("knowledge")
def test_only_the_server_opens_the_port_of_the_metrics(monkeypatch, caplog, ollama):
    monkeypatch.setenv("PSYLITE_METRICS_PORT", ollama.url.rpartition(":")[2])
    assert decided(f"{CALM}\n")[0] == 0
    assert "METRICS" not in caplog.text


@pytest.mark.usefixtures("knowledge")
def test_decisions_come_in_order_with_every_field():
    code, found = decided(f"{CALM}\n{DANGER}\n{line('I want to kill myself')}\n{CALM}\n")
    assert code == 0
    assert [one["route"] for one in found] == ["plain", "crisis", "crisis", "plain"]
    assert found[1]["risk"] in ("high", "imminent")
    assert found[1]["kind"] == "self_harm"
    assert found[1]["rules"]
    for one in found:
        assert list(one) == ["route", "risk", "kind", "humour_fit", "snippets", "rules", "scores", "ms"]
        assert list(one["scores"]) == ["risk", "harmful_request", "humour"]
        assert all(0 <= score <= 1 for score in one["scores"].values())
    assert found[1]["scores"]["risk"] > found[0]["scores"]["risk"]


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(
    ("given", "routes"),
    [
        (f"{CALM}\r\n{DANGER}\r\n".encode(), ["plain", "crisis"]),
        (b"\xef\xbb\xbf" + f"{DANGER}\n{CALM}\n".encode(), ["crisis", "plain"]),
        (f"{CALM}\n{DANGER}".encode(), ["plain", "crisis"]),
        (json.dumps(json.loads(DANGER)).encode(), ["crisis"]),
        (line("我不想活了\u2028今天\u0085").encode(), ["crisis"]),
        (line({"text": "我不想活了"}).encode(), ["crisis"]),
        (b"", []),
        (f"\n{CALM}\n  \r\n\n{DANGER}\n\n".encode(), ["plain", "crisis"]),
    ],
)
def test_line_ends_and_byte_order_marks_do_not_matter(given, routes):
    code, found = decided(given)
    assert (code, [one.get("route") for one in found]) == (0, routes)


BAD = {
    "no json": "{",
    "a list": "[]",
    "null": "null",
    "no messages": "{}",
    "messages no list": '{"messages": "x"}',
    "message no object": '{"messages": ["x"]}',
    "no content": '{"messages": [{"role": "user", "text": "我想死"}]}',
    "no role": '{"messages": [{"content": "x"}]}',
    "role no text": '{"messages": [{"role": 3, "content": "x"}]}',
    "a number": line(123),
    "true": line(True),
    "deep": '{"messages": ' + "[" * 100_000,
    "digits": '{"messages": ' + "9" * 10_000,
}


@pytest.mark.usefixtures("knowledge")
def test_a_bad_line_gets_an_error_in_its_place_and_the_exit_code_is_one():
    given = "\n".join(f"{bad}\n{DANGER}" for bad in BAD.values())
    code, found = decided(given + "\n")
    assert code == 1
    assert len(found) == 2 * len(BAD)
    for number, (bad, good) in enumerate(zip(found[::2], found[1::2], strict=True)):
        assert bad["error"].startswith(f"line {2 * number + 1}: "), list(BAD)[number]
        assert good["route"] == "crisis"


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "tool_calls": []},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": None, "images": ["x"]},
    ],
)
def test_a_message_without_words_that_hosts_send_is_read(message):
    code, found = decided(json.dumps({"messages": [message, {"role": "user", "content": "我不想活了"}]}))
    assert (code, found[0]["route"]) == (0, "crisis")


@pytest.mark.usefixtures("knowledge")
def test_bytes_that_are_no_utf8_are_an_error_and_not_guessed_at():
    code, found = decided(DANGER.encode("gb18030") + b"\n" + DANGER.encode() + b"\n")
    assert code == 1
    assert "UTF-8" in found[0]["error"]
    assert found[1]["route"] == "crisis"


@pytest.mark.usefixtures("knowledge")
def test_a_line_of_a_megabyte_is_judged_by_its_ends_and_with_care():
    text = "今天的会议记录如下。" * 35_000
    assert len(text.encode()) > 1_000_000
    code, found = decided(f"{line(text)}\n{line(text + '其实我不想活了。')}\n{CALM}\n")
    assert code == 0
    assert [one["route"] for one in found] == ["support", "crisis", "plain"]


@pytest.mark.usefixtures("knowledge")
def test_metadata_makes_a_task_and_odd_metadata_does_not():
    task = {"task": "title_generation"}
    _, found = decided(
        "\n".join([line("标题：爬山", metadata=task), line("今天", metadata=3), line("今天", metadata=None)])
    )
    assert [one["route"] for one in found] == ["task", "plain", "plain"]


@pytest.mark.usefixtures("knowledge")
def test_explain_names_rules_and_scores_and_never_the_words():
    done = psylite("decide", "--explain", given=DANGER + "\n")
    rule = json.loads(done.stdout)["rules"][0]
    assert rule in done.stderr
    assert "score risk" in done.stderr
    assert "不想活" not in done.stdout + done.stderr


@pytest.mark.usefixtures("knowledge")
def test_sensitivity_is_one_of_the_valves_values():
    assert decided(CALM, "--sensitivity", "high")[0] == 0
    done = psylite("decide", "--sensitivity", "none", given=CALM)
    assert done.exit_code == 2
    assert "standard" in done.stderr


# -- index and search


@pytest.mark.usefixtures("knowledge")
def test_index_builds_once_and_anew_on_demand(tmp_path):
    files = tmp_path / "psylite-data" / "index"
    done = psylite("index")
    assert done.exit_code == 0
    assert "10 zh snippets" in done.stdout
    before = {path: path.stat().st_mtime_ns for path in files.iterdir()}
    assert len(before) == 2
    psylite("index")
    assert {path: path.stat().st_mtime_ns for path in files.iterdir()} == before
    psylite("index", "--force")
    after = {path: path.stat().st_mtime_ns for path in files.iterdir()}
    assert set(after) == set(before)
    assert all(after[path] != before[path] for path in before)


def test_index_names_a_bad_file_and_serves_the_rest(knowledge, caplog):
    (knowledge / "crosstalk" / "zh" / "bad.toml").write_text("[[snippet]]\nid = 3\n", encoding="utf-8")
    done = psylite("index")
    assert done.exit_code == 0
    assert "10 zh snippets" in done.stdout
    assert "bad.toml" in caplog.text


@pytest.mark.usefixtures("knowledge")
def test_search_shows_what_would_be_found():
    done = psylite("search", "第3句开场", "--most", "2")
    assert done.exit_code == 0
    table, best, second, _ = done.stdout.split("\n\n")
    assert len(table.splitlines()) == 1 + 2
    assert table.splitlines()[1].split()[-2:] == ["gentle", "s-3"]
    assert best.splitlines()[:2] == ["s-3: 第3段 (话题3)", "甲：第3句开场"]
    assert second.startswith("s-")
    told = psylite("search", "开场", "--after", "第3句", "--told", "s-3")
    assert "Searched with: '第3句\\n开场'" in told.stdout
    assert "s-3" not in told.stdout


@pytest.mark.usefixtures("knowledge")
def test_search_says_when_the_turn_itself_rules_a_snippet_out():
    done = psylite("search", "我不想活了")
    assert "no snippet would be told: the turn is not light (crisis" in done.stdout
    assert "would be told" not in psylite("search", "给我讲个笑话").stdout


@pytest.mark.usefixtures("knowledge")
def test_search_finds_for_who_asks_what_the_turn_would_tell():
    text = "今天第3句开场，来段相声吧"
    done = psylite("search", text)
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text}]})
    assert done.stdout.splitlines()[1].split()[-1:] == list(open_counsellor(Settings.load()).decide(talk).snippets)
    assert "Searched with: ''" in done.stdout, "they asked about nothing"


@pytest.mark.usefixtures("knowledge")
def test_search_says_when_nothing_fits_a_light_turn(monkeypatch):
    monkeypatch.setitem(THRESHOLDS, "hash-512", {"zh": 2.0})
    done = psylite("search", "今天看了量子色动力学的讲座，太好玩了哈哈哈")
    assert "no snippet would be told: none fits well enough (plain" in done.stdout
    assert "not light" not in done.stdout


def test_search_shows_ids_and_numbers_whole_on_a_narrow_terminal(knowledge, monkeypatch):
    monkeypatch.setattr(cli.console, "_width", 80)
    text = snippet_toml(77).replace('"s-77"', '"zh-children-parents-meeting"')
    (knowledge / "crosstalk" / "zh" / "two.toml").write_text(text, encoding="utf-8")
    table = psylite("search", "第77句开场").stdout.partition("\n\n")[0]
    assert "zh-children-parents-meeting" in table
    assert "…" not in table


@pytest.mark.parametrize("words", [("\udcff",), ("开场", "--after", "\udcff")])
def test_a_search_for_what_is_no_utf8_is_one_sentence(words):
    done = psylite("search", *words)
    assert done.exit_code == 2
    assert "is not UTF-8." in done.stderr


def test_titles_with_brackets_are_shown_as_they_are(knowledge):
    text = snippet_toml(77, title="[red]第[/x]段", topic="[b]")
    (knowledge / "crosstalk" / "zh" / "two.toml").write_text(text, encoding="utf-8")
    done = psylite("search", "第77句开场", "--most", "20")
    assert done.exit_code == 0, done.exception
    assert "[red]第[/x]段" in done.stdout


# -- the program itself


def run(*words: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    code = "from psylite_pipeline.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300", **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *words], input=given, capture_output=True, env=env, cwd="/", timeout=120
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PSYLITE_NUM_CTX": "7"}, "PSYLITE_NUM_CTX"),
        ({"PSYLITE_NUM_CTX": "[/x] many"}, "PSYLITE_NUM_CTX"),
        ({"PSYLITE_WEBHOOK": "nonsense"}, "PSYLITE_WEBHOOK: Must begin with http:// or https://."),
        ({"PSYLITE_ENCODER": "no-such-[/b]-model"}, "PSYLITE_ENCODER"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_one(environment, said):
    done = run("index", **environment)
    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_the_program_decides_with_the_real_parts_and(tmp_path):
    knowledge = tmp_path / "knowledge"
    shutil.copytree(bundled("knowledge"), knowledge, ignore=shutil.ignore_patterns("turns", "crosstalk"))
    snippet_folder(knowledge / "crosstalk", 2)
    done = run("decide", given=f"{DANGER}\n{CALM}\nx\n".encode(), PSYLITE_KNOWLEDGE_DIR=str(knowledge))
    found = [json.loads(one) for one in done.stdout.decode().splitlines()]
    assert [one.get("route", "error") for one in found] == ["crisis", "plain", "error"]
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["psylite_pipeline", "psylite_pipeline.cli"])
def test_the_module_is_the_command(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd="/", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.decode().startswith("psylite 0.")


@pytest.mark.usefixtures("knowledge")
def test_a_variable_that_nothing_reads_is_named_with_the_nearest(monkeypatch):
    monkeypatch.setenv("PSYLITE_WEBHOK", "https://example.org/secret")
    monkeypatch.setenv("PSYLITE_NONSENSE", "1")
    monkeypatch.setenv("PSYLITE_REGION", "GB")
    monkeypatch.setenv("PSYLITE_TEST_STANDIN", "1")
    done = psylite("decide", given=CALM)
    assert done.exit_code == 0
    assert "PSYLITE_WEBHOK is set and nothing reads it. Is PSYLITE_WEBHOOK meant?" in done.stderr
    assert "PSYLITE_NONSENSE is set and nothing reads it." in done.stderr
    assert "PSYLITE_REGION is set and nothing reads it: region is a valve, in Admin Panel" in done.stderr
    assert "secret" not in done.stderr
    assert "STANDIN" not in done.stderr
    assert json.loads(done.stdout)["route"] == "plain"


def test_help_is_there_for_every_command():
    for command in cli.app.registered_commands:
        name = command.name or command.callback.__name__
        done = psylite(name, "--help")
        assert done.exit_code == 0
        assert len(done.stdout) > 100
    assert "psylite up" in psylite("--help").stdout
