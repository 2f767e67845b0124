"""Training on a toy folder gives the same bytes twice; the scoreboard counts what it should."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scripted import shipped_lexicon
from typer import Typer
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Risk, Route, Scores
from psylite_pipeline.risk.classifier import HEADS, Classifier, finding_features
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.settings import bundled
from psylite_pipeline.training import commands, evaluate, scoreboard
from psylite_pipeline.training.card import SOURCES
from psylite_pipeline.training.data import DataError, Row, digest, load_rows, own_rows, tenth
from psylite_pipeline.training.features import Table
from psylite_pipeline.training.fit import Recipe, fit_last
from psylite_pipeline.training.public_sets import PUBLIC
from psylite_pipeline.training.run import run

LEXICON = bundled("knowledge") / "risk" / "lexicon"
TURNS = bundled("knowledge") / "risk" / "turns"
SAD, GLAD = "沉冷空暗倦枯灰断落绝", "暖甜亮笑晴香跳唱新圆"


class ToyEncoder:
    """Unit vectors in which sad and glad characters point apart."""

    name = "toy"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = []
        for text in texts:
            vector = np.random.default_rng(digest(text)[0]).normal(0, 0.3, 512).astype(np.float32)
            vector[0] += sum(text.count(char) for char in SAD) - sum(text.count(char) for char in GLAD)
            rows.append(vector / np.linalg.norm(vector))
        return np.stack(rows)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toy version of every public set, and a few own turns; the rules are read once."""
    lexicon = shipped_lexicon()
    monkeypatch.setattr(Lexicon, "load", lambda folder: lexicon)
    draw = np.random.default_rng(1)

    def words(chars: str) -> str:
        return "".join(draw.choice(list(chars), 8))

    labels = {
        "crisis_zh_psysuicide_dev": lambda yes: {"severity": "active_ideation" if yes else "none", "label": "x"},
        "mood_zh_cped": lambda yes: {"mood": "anger" if yes else "happy"},
        "mood_en_goemotions": lambda yes: {"label": "grief" if yes else "joy"},
        "idiom_en_xstest": lambda yes: {"label": "unsafe" if yes else "safe", "type": "homonyms"},
        "requests_zh_jade_unsafe": lambda yes: {"label": "违法犯罪"},
        "requests_zh_flames": lambda yes: {"label": "Morality", "sub": "x"},
        "crisis_en_openai_moderation": lambda yes: {"label": "self_harm" if yes else "safe", "cats": "[]"},
        "crisis_en_cssrs_suicidewatch": lambda yes: {"label": "cssrs_4" if yes else "cssrs_0", "gpt": "0"},
    }
    data = tmp_path / "data"
    data.mkdir()
    for name in PUBLIC:
        rows = []
        for number in range(60):
            yes = number % 2 == 0 and name in labels
            rows.append({"text": words(SAD if yes else GLAD), **labels.get(name, lambda yes: {"label": "x"})(yes)})
        _write(data / f"{name}.jsonl", rows)
    turns = tmp_path / "turns"
    turns.mkdir()
    own = []
    for number in range(400):
        yes = number % 2 == 0
        own.append(_turn(f"t-{number:04d}", words(SAD if yes else GLAD), yes, asked=number % 4 > 1))
    own += [_emergency(f"e{number}", words("火" + SAD)) for number in range(100)]
    _write(turns / "toy.jsonl", own)
    return tmp_path


def _turn(name: str, text: str, danger: bool, asked: bool = False) -> dict:
    group = ("yes_to_question" if danger else "denied") if asked else "veiled" if danger else "cheerful"
    messages = [{"role": "assistant", "content": "沉吗"}] if asked else []
    return {
        "id": name, "lang": "zh-Hans", "voice": "teen", "group": group,
        "messages": [*messages, {"role": "user", "content": text}], "route": "crisis" if danger else "humour",
        "risk": "high" if danger else "none", "kind": "self_harm" if danger else None,
        "mood": "despair" if danger else "happy", "humour": not danger,
    }  # fmt: skip


def _emergency(name: str, text: str) -> dict:
    return _turn(name, text, False) | {
        "group": "emergency", "route": "crisis", "risk": "imminent", "kind": "emergency", "mood": "fear",
        "humour": False,
    }  # fmt: skip


def _write(path: Path, rows: Sequence[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_training_twice_gives_the_same_bytes(folder: Path) -> None:
    small = Recipe(landmarks=40)
    for out in ("one", "two"):
        notes: list[str] = []
        run(folder / "data", folder / "turns", LEXICON, folder / out, folder / "cache.npz",
            lambda note, at=0, of=0, notes=notes: notes.append(note), ToyEncoder(), small)  # fmt: skip
    for name in ("classifier.npz", "classifier.json", "MODEL_CARD.md"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()
    judge = Classifier.load(folder / "one")
    vector = ToyEncoder().encode([SAD, GLAD])
    assert judge.read(SAD, vector[0], ()).concern > judge.read(GLAD, vector[1], ()).concern
    written = (folder / "one" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(licence in written and place in written for licence, place in SOURCES.values())
    assert str(folder) not in written


def test_talk_of_every_day_outweighs_as_many_rows_that_were_written_to_look_dangerous() -> None:
    def row(number: int, source: str, danger: bool) -> Row:
        answers = dict.fromkeys(HEADS, (float(danger), 1.0))
        return Row(f"{source}-{number}", f"{source}{number}", source, "all", "zh", answers, (), 2 + number % 2)

    # Half of a kind is danger in our own rows and none in talk of every day, in the same words.
    rows = [row(number, source, source == "own") for number in range(200) for source in ("own", "mood_zh_cped")]
    rows += [row(number, "mood_zh_cped", danger=True) for number in range(200, 210)]
    told, nothing = np.ones((len(rows), 7)), np.zeros((len(rows), len(finding_features(())) + 4), np.float32)
    answers = np.array([[one.y(head) for head in HEADS] for one in rows])
    table = Table(rows, (), nothing, nothing, answers, told, np.array([one.part for one in rows]))
    chosen = np.arange(len(rows))
    _, read, _ = fit_last(table, chosen, np.zeros((len(rows), 3 * len(HEADS)), np.float32), Recipe())
    everyday = read[[one.source == "mood_zh_cped" for one in rows]].mean(axis=0)
    assert everyday[HEADS.index("concern")] < 0.3, "as likely as not, were all rows to count alike"
    assert everyday[HEADS.index("heavy")] > 0.4, "of other questions these sets know more, and count as they are"


def test_a_missing_set_is_named(folder: Path) -> None:
    (folder / "data" / "mood_zh_cped.jsonl").unlink()
    with pytest.raises(DataError, match=r"mood_zh_cped\.jsonl"):
        load_rows(folder / "data", folder / "turns", str)


def test_a_label_that_rests_on_context_teaches_nothing_about_the_words_alone() -> None:
    raw = _turn("t-0001", "嗯", True) | {"group": "yes_to_question"}
    raw["messages"] = [
        {"role": "user", "content": "睡不着"},
        {"role": "assistant", "content": "你想过自杀吗？"},
        *raw["messages"],
    ]
    (row,) = own_rows(raw, str)
    assert "concern" not in row.answers and row.before == ("睡不着",)
    (row,) = own_rows(raw | {"messages": raw["messages"][1:]}, str)  # nothing of the person's before it, but a question
    assert "concern" not in row.answers and row.answers["affirms"][0] == 1


def test_an_emergency_teaches_no_intent_and_harm_done_to_somebody_no_emergency() -> None:
    (row,) = own_rows(_emergency("t-0001", "着火了"), str)
    assert [row.answers[head][0] for head in ("emergency", "concern", "high", "humour", "heavy")] == [1, 0, 0, 0, 1]
    meant = _turn("t-0002", "我吞了药", True)
    (row,) = own_rows(meant, str)
    assert row.answers["emergency"][0] == 0
    (row,) = own_rows(meant | {"kind": "someone_else"}, str)  # whom one found needs both
    assert "emergency" not in row.answers


def test_a_denial_teaches_what_is_left_of_it_and_that_it_is_no_yes() -> None:
    raw = _turn("t-0001", "no, my back hurts", False) | {"group": "denied"}
    raw["messages"] = [{"role": "assistant", "content": "Have you thought of suicide?"}, *raw["messages"]]
    whole, left = own_rows(raw, lambda text: text.removeprefix("no, "))
    assert "concern" not in whole.answers and whole.answers["affirms"][0] == 0
    assert (left.text, left.answers["concern"][0], left.part) == ("my back hurts", 0, whole.part)
    assert [row.text for row in own_rows(raw, lambda _: "")] == ["no, my back hurts"]


def test_in_a_talk_only_words_of_mourning_teach_a_mood_and_not_what_is_asked_for_then() -> None:
    raw = _turn("t-0001", "tell me a joke", False) | {"group": "joke_request", "mood": "grief", "humour": False}
    alone = next(iter(own_rows(raw, str))).answers
    assert (alone["heavy"][0], alone["humour"][0]) == (1, 0)
    raw["messages"] = [
        {"role": "user", "content": "my dog died"},
        {"role": "assistant", "content": "嗯"},
        *raw["messages"],
    ]
    assert not {"heavy", "humour"} & next(iter(own_rows(raw, str))).answers.keys()
    mourning = next(iter(own_rows(raw | {"group": "grief"}, str))).answers
    assert (mourning["heavy"][0], mourning["humour"][0]) == (1, 0)


def test_parts_depend_on_the_text_alone() -> None:
    assert tenth("我 想\n走了") == tenth("我想走了")
    assert {tenth(str(number)) for number in range(300)} == set(range(10))


def _decided(conversation: Conversation) -> Decision:
    text = conversation.last.text if conversation.last else ""
    if "!" in text:
        return Decision(Route.CRISIS, Risk.HIGH, scores=Scores(risk=0.9), milliseconds=2)
    return Decision(Route.PLAIN, scores=Scores(risk=0.1, humour=0.8), milliseconds=1)


def test_the_scoreboard_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    turns = [_turn("a-1", "x!", True), _turn("a-2", "y", True), _turn("a-3", "z", False)]
    _write(
        path,
        [*turns, {"text": "w!", "label": "none"}, {"text": "v", "label": "self_harm"}, {"text": "?", "label": "odd"}],
    )
    judged = evaluate.judge(evaluate.cases_of(path), _decided)
    report = evaluate.report(judged, baseline=True)
    concern = report["files"]["rows"]["questions"]["concern"]
    assert concern["recall"][:2] == [3, pytest.approx(1 / 3, abs=1e-3)]
    assert concern["false_alarms"][:2] == [2, 0.5]
    assert report["confusion"] == {"crisis": {"crisis": 1, "plain": 1}, "humour": {"plain": 1}}
    assert [one["id"] for one in report["wrong"]] == ["a-2", "line 4", "line 5"]
    assert "text" not in json.dumps(report["wrong"])
    assert report["milliseconds"]["p50"] == 1
    assert "eleven words" in report["files"]["rows"]["baselines"]


def test_whole_talks_are_counted_once_whatever_turn_was_noticed(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    rows = [_turn("t-1", "x", True), _turn("t-2", "y!", True), _turn("t-3", "z", False), _turn("t-4", "w!", False)]
    talks = [{"talk": "a", "highest": "high"}] * 2 + [{"talk": name, "highest": "none"} for name in "bc"]
    _write(path, [row | talk for row, talk in zip(rows, talks, strict=True)])
    report = evaluate.report(evaluate.judge(evaluate.cases_of(path), _decided))
    assert [(one["highest"], one["talks"], one["alarm"][0]) for one in report["talks"]] == [
        ("high", 1, 1.0), ("none", 2, 0.5),
    ]  # fmt: skip


def test_shares_carry_wilson_intervals() -> None:
    value, low, high = evaluate.share(0, 50)
    assert value == 0 and low == 0 and 0.06 < high < 0.08
    assert scoreboard.percent([7, 0.5, 0.4, 0.6]) == "50.0 % (40.0-60.0)"


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "rows.jsonl"
    _write(path, [_turn("a-1", "x!", True), _turn("a-3", "z", False)])
    report = evaluate.report(evaluate.judge(evaluate.cases_of(path), _decided))
    scoreboard.draw(report, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("knowledge")
def test_eval_judgement_prints_ids_and_no_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    words = "今天阳光真好想去放风筝"
    _write(path, [_turn("b-1", words, True), _turn("b-2", "我不想活了", True)])
    app, evaluations = Typer(), Typer()
    commands.register(app, evaluations)
    app.add_typer(evaluations, name="eval")
    result = CliRunner().invoke(app, ["eval", "judgement", str(path), "--out", str(tmp_path / "out.json")])
    assert result.exit_code == 0, result.output
    assert "b-1" in result.output and words not in result.output
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["rows"] == 2
