"""The evaluations from command to report, on inspect-ai and evalscope, against a scripted model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from psylite_pipeline.cli import app
from psylite_pipeline.errors import EvaluationError
from psylite_pipeline.evals import judging, measures

DEMO = Path(__file__).parents[1] / "evals" / "demo"


def run(*words: str) -> str:
    found = CliRunner().invoke(app, ["eval", *words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def models(ollama) -> list[str]:
    return ["--model", f"ollama:one@{ollama.url}"]


def judges(ollama) -> list[str]:
    return ["--judge", f"ollama:judge@{ollama.url}"]


def test_counselling_with_and_without_the_pipeline(ollama, tmp_path: Path) -> None:
    words = [
        "cpsycoune",
        *models(ollama),
        *judges(ollama),
        "--data",
        str(DEMO / "cpsycoune.jsonl"),
        "--out",
        str(tmp_path),
    ]
    run(*words)
    alone, behind = measures.load(tmp_path)
    assert (alone.system, behind.system) == ("one", "one + pipeline")
    assert alone.headline["sum"].mean == 7 and alone.headline["sum"].n == 2
    assert alone.made["digest"] == "d1" and alone.made["judges"][0]["digest"] == "d2"
    assert not alone.made["pipeline"] and behind.made["pipeline"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (
        "<svg" in page and "no result" in page and not any(word in page for word in ("<script", "src=", 'href="http'))
    )
    scores = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "scores").rglob("*.json"))
    assert "听到" not in scores  # raw answers are kept apart from scores
    asked = len(ollama.asked)
    run(*words)
    assert len(ollama.asked) == asked  # every answer and every verdict came from the cache


def test_the_gold_history_is_what_the_model_sees(ollama, tmp_path: Path) -> None:
    run("cpsycoune", *models(ollama), *judges(ollama), "--data", str(DEMO / "cpsycoune.jsonl"),
        "--out", str(tmp_path), "--pipeline", "off")  # fmt: skip
    seen = [body["messages"] for body in ollama.asked if "format" not in body]
    rows = [json.loads(line) for line in (DEMO / "cpsycoune.jsonl").read_text(encoding="utf-8").splitlines()]
    gold = [
        row["messages"][: place + 1] for row in rows for place, m in enumerate(row["messages"]) if m["role"] == "user"
    ]
    assert sorted(map(json.dumps, seen)) == sorted(map(json.dumps, gold))
    assert {body["options"]["seed"] for body in ollama.asked if "format" not in body} == {1}


def test_an_interrupted_run_goes_on(ollama, tmp_path: Path) -> None:
    words = ["safedialbench", *models(ollama), *judges(ollama), "--data", str(DEMO / "safedialbench.jsonl"),
             "--out", str(tmp_path), "--pipeline", "off"]  # fmt: skip
    ollama.verdict = {"reason": "", "identification": 1, "handling": 1, "consistency": 1}
    ollama.broken = True
    with pytest.raises(BaseException):  # noqa: B017  inspect reports a failed set in its own way
        run(*words)
    ollama.broken = False
    run(*words)
    (result,) = measures.load(tmp_path)
    assert result.headline["handling"].mean == 1 and result.headline["handling"].n == 2  # 1/1/1 is a score, not a gap
    assert result.unread == {"judge": (0, 4)} and result.failed == 0


def test_a_verdict_nobody_can_read_is_counted_not_scored(ollama, tmp_path: Path) -> None:
    ollama.verdict = {"identification": 11, "handling": "high"}
    run("safedialbench", *models(ollama), *judges(ollama), "--data", str(DEMO / "safedialbench.jsonl"),
        "--out", str(tmp_path), "--pipeline", "off")  # fmt: skip
    (result,) = measures.load(tmp_path)
    assert result.unread == {"judge": (4, 4)} and result.headline["handling"].n == 0


def test_two_judges_in_one_command_give_their_agreement(ollama, tmp_path: Path) -> None:
    def weighed(body: dict) -> dict:
        """Both say the same of one scale, the opposite of another, and one thing throughout of the third."""
        turns = body["messages"][-1]["content"].count("[person]")
        second = body["model"] == "second"
        return {"reason": "", "comprehensiveness": turns % 2, "professionalism": 3 if (turns % 2) == second else 0,
                "authenticity": 3, "safety": 1}  # fmt: skip

    ollama.judge = weighed
    words = ["cpsycoune", *models(ollama), *judges(ollama), "--judge", f"ollama:second@{ollama.url}", "--data",
             str(DEMO / "cpsycoune.jsonl"), "--out", str(tmp_path), "--pipeline", "off"]  # fmt: skip
    run(*words)
    (result,) = measures.load(tmp_path)
    assert [(judge["label"], judge["digest"]) for judge in result.made["judges"]] == [("judge", "d2"), ("second", "d3")]
    answers = sum("format" not in body for body in ollama.asked)
    assert result.unread == {"judge": (0, answers), "second": (0, answers)} and len(ollama.asked) == 3 * answers
    found = {one.scale: one for one in result.agreement}
    assert {(one.judges, one.n) for one in result.agreement} == {(("judge", "second"), answers)}
    assert (found["comprehensiveness"].equal, found["comprehensiveness"].kappa) == (1, 1)
    assert found["professionalism"].equal == 0 and found["professionalism"].kappa < 0
    assert found["safety"].equal == 1 and math.isnan(found["safety"].kappa)
    assert result.headline["professionalism"].mean == 1.5, "the mean of both on each answer"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "agreement of judge and second" in page and "<td>comprehensiveness<td>100% <small>(kappa 1.00;" in page
    assert "<td>safety<td>100% <small>(kappa –;" in page
    run(*words)
    assert len(ollama.asked) == 3 * answers, "every verdict of either came from the cache"


def test_neither_model_nor_judge_is_asked_more_at_once_than_was_said(ollama, tmp_path: Path) -> None:
    ollama.verdict = dict.fromkeys(judging.rubric("crisis").scales, 2) | {"reason": ""}
    run("crisis", *models(ollama), *judges(ollama), "--limit", "8", "--at-once", "2", "--out", str(tmp_path),
        "--pipeline", "off")  # fmt: skip
    assert ollama.most == 2


def test_judges_of_one_name_on_two_machines_are_two(ollama, tmp_path: Path) -> None:
    elsewhere = ollama.url.replace("127.0.0.1", "localhost")
    words = ["crisis", *models(ollama), *judges(ollama), "--limit", "2", "--out", str(tmp_path), "--pipeline", "off"]
    ollama.verdict = dict.fromkeys(judging.rubric("crisis").scales, 2) | {"reason": ""}
    run(*words, "--judge", f"ollama:judge@{elsewhere}")
    (result,) = measures.load(tmp_path)
    assert list(result.unread) == [f"ollama:judge@{ollama.url}", f"ollama:judge@{elsewhere}"]
    assert {(one.equal, one.n) for one in result.agreement} == {(1, 2)}
    with pytest.raises(EvaluationError, match="twice"):
        run(*words, *judges(ollama))


def test_crisis_talks_need_no_judge(ollama, tmp_path: Path) -> None:
    run("crisis", *models(ollama), "--limit", "8", "--out", str(tmp_path))
    alone, behind = measures.load(tmp_path)
    assert alone.headline["all that apply"].n == behind.headline["all that apply"].n == 8
    assert behind.headline["asks plainly"].mean > alone.headline["asks plainly"].mean == 0
    record = next((tmp_path / "scores" / "crisis").glob("*pipeline.json"))
    routes = [row["routes"] for row in json.loads(record.read_text(encoding="utf-8"))["rows"]]
    assert any("crisis" in one for one in routes)


def test_ceval_from_a_local_folder(ollama, tmp_path: Path) -> None:
    words = ["ceval", *models(ollama), "--data", str(DEMO / "ceval"), "--out", str(tmp_path)]
    run(*words, "--shots", "1")
    alone, behind = measures.load(tmp_path)
    assert alone.headline["accuracy"].mean == 0.25 and alone.headline["accuracy"].n == 4
    assert set(alone.tables["category"]) == {"Humanities", "Social Science"}
    assert behind.headline["accuracy"].n == 4
    asked = len(ollama.asked)
    run(*words, "--shots", "1", "--pipeline", "off")
    assert len(ollama.asked) == asked, "evalscope keeps the answers"
    run(*words, "--shots", "0", "--pipeline", "off")
    assert len(ollama.asked) == asked + 4, "and none to another question"


def test_a_question_of_ceval_that_nobody_answered_is_counted(ollama, tmp_path: Path) -> None:
    asked = json.loads((DEMO / "ceval" / "logic" / "val.jsonl").read_text(encoding="utf-8").splitlines()[0])["question"]
    ollama.refuses = lambda body: asked in body["messages"][-1]["content"]
    run("ceval", *models(ollama), "--data", str(DEMO / "ceval"), "--shots", "0", "--pipeline", "off",
        "--out", str(tmp_path))  # fmt: skip
    (alone,) = measures.load(tmp_path)
    assert alone.headline["accuracy"].n == 3 and alone.failed == 1
    assert "evalscope" in alone.made["versions"]


def test_an_answer_cut_at_the_limit_is_weighed_as_a_person_reads_it(ollama, tmp_path: Path) -> None:
    ollama.ended = "length"
    run("cpsycoune", *models(ollama), *judges(ollama), "--data", str(DEMO / "cpsycoune.jsonl"),
        "--out", str(tmp_path), "--pipeline", "on")  # fmt: skip
    assert all(not result.failed for result in measures.load(tmp_path))
    weighed = [body["messages"][-1]["content"] for body in ollama.asked if "format" in body]
    assert weighed and all(f"{ollama.words}\n\n" in text for text in weighed), "a notice follows what was cut"
