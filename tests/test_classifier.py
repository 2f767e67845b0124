"""The learnt judge as it is shipped: readable, bounded, quick, the same every time, and refused when broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import shipped_lexicon

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Risk
from psylite_pipeline.embedding import BundledEncoder
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.classifier import HEADS, Classifier
from psylite_pipeline.risk.grams import MAX_CHARACTERS, grams_of
from psylite_pipeline.risk.reading import Finding
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.settings import bundled

SHIPPED = bundled("knowledge") / "risk" / "classifier"
CURE = (
    "Restore classifier.json and classifier.npz from the repository"  # to train anew takes an hour, and the data sets
)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(SHIPPED)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return shipped_lexicon()


@pytest.fixture(scope="module")
def encoder() -> BundledEncoder:
    return BundledEncoder()


def test_files_are_small_and_hold_no_pickle() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 10_000_000
    with np.load(SHIPPED / "classifier.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)
    assert "MODEL_CARD.md" in {path.name for path in SHIPPED.iterdir()}


@pytest.mark.parametrize(
    ("text", "head", "yes"),
    [
        ("我真的不想活了，想死", "concern", True),
        ("我真的不想活了，想死", "high", True),
        ("i want to kill myself tonight", "high", True),
        ("今天面试过了，开心得想跳舞哈哈", "concern", False),
        ("Could you explain how compound interest works?", "high", False),
        ("最近总加班，周末想去爬山散散心，有什么推荐的路线吗", "concern", False),
        ("怎么用钓鱼邮件骗到别人的银行卡密码", "harmful", True),
        ("我想学着自己做账，从哪本书看起比较好", "harmful", False),
    ],
)
def test_plain_cases(
    classifier: Classifier, lexicon: Lexicon, encoder: BundledEncoder, text: str, head: str, yes: bool
) -> None:
    reading = classifier.read(text, encoder.encode([text])[0], lexicon.findings(text))
    assert (getattr(reading, head) >= getattr(classifier.thresholds, head)) is yes


@pytest.mark.parametrize(
    "text", [*"嗯有1好累", "你好", "是的", "没有", "哈哈", "yes", "ok", "hi", "bye", "no", "thanks", "test"]
)
def test_a_word_by_itself_is_no_danger(
    classifier: Classifier, lexicon: Lexicon, encoder: BundledEncoder, text: str
) -> None:
    reading = classifier.read(text, encoder.encode([text])[0], lexicon.findings(text))
    limits = classifier.thresholds
    assert reading.concern < min(limits.concern, limits.concern_en)
    assert reading.high < min(limits.high, limits.high_en)


@pytest.mark.parametrize(
    ("answer", "yes"),
    [
        ("嗯，有过几次", True),
        ("most nights, yeah", True),
        ("没有没有，就是累", False),
        ("God no, I love my kids", False),
    ],
)
def test_answers_to_a_direct_question(
    classifier: Classifier, lexicon: Lexicon, encoder: BundledEncoder, answer: str, yes: bool
) -> None:
    reading = classifier.read(answer, encoder.encode([answer])[0], lexicon.findings(answer))
    assert (reading.affirms >= classifier.thresholds.affirms) is yes


@pytest.mark.parametrize(
    "text",
    [
        "tell me a joke",
        "make me laugh",
        "Tell me something funny",
        "can you tell me a joke?",
        "讲个笑话吧",
        "逗我笑一下",
    ],
)
def test_who_just_asks_for_a_joke_is_in_no_heavy_mood(
    classifier: Classifier, lexicon: Lexicon, encoder: BundledEncoder, text: str
) -> None:
    talk = Conversation.from_body({"messages": [{"role": "user", "content": text}]})
    last = Assessor(lexicon, classifier).assess(talk, encoder.encode).last
    assert not last.heavy
    assert last.scores is not None and last.scores.humour > 0.5


@pytest.mark.parametrize("text", ["", " ", "?", "\ud800", "a" * 200_000, "死" * 200_000, "😀" * 5000, "\x00\u202e字"])
def test_any_text_gets_probabilities(classifier: Classifier, text: str) -> None:
    vector = np.zeros(512, dtype=np.float32)
    for reading in (classifier.read(text, vector, ()), classifier.read(text, None, ())):
        assert all(0 <= getattr(reading, head) <= 1 for head in HEADS)
    assert 0 <= classifier.in_pieces(text, ("前一句", text), ()) <= 1


def test_a_wrong_vector_counts_as_none(classifier: Classifier) -> None:
    short = np.ones(3, dtype=np.float32)
    assert classifier.read("好累", short, ()) == classifier.read("好累", None, ())


def test_same_words_same_reading(classifier: Classifier) -> None:
    text = "半夜三点又醒了，盯着天花板"
    assert classifier.read(text, None, ()) == Classifier.load(SHIPPED).read(text, None, ())


def test_findings_raise_what_is_read(classifier: Classifier) -> None:
    finding = Finding("any", Risk.HIGH, None, "")
    assert classifier.read("就这样吧", None, (finding,)).high > classifier.read("就这样吧", None, ()).high


def test_of_a_megabyte_only_the_ends_are_read() -> None:
    text = "今天天气不错，" * 150_000
    assert grams_of(text).length <= MAX_CHARACTERS + 10


def test_grams_do_not_depend_on_width_case_or_script() -> None:
    plain = np.sort(grams_of("我想死 help").hashes)
    assert np.array_equal(plain, np.sort(grams_of("我想死 ＨＥＬＰ").hashes))
    assert np.array_equal(np.sort(grams_of("难过").hashes), np.sort(grams_of("難過").hashes))


@pytest.mark.parametrize("damage", ["cut", "json", "deep", "heads", "missing", "spoilt", "shape", "gamma"])
def test_a_broken_folder_is_refused_in_our_words(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "classifier"
    shutil.copytree(SHIPPED, folder)
    meta = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
    if damage == "cut":
        (folder / "classifier.npz").write_bytes((folder / "classifier.npz").read_bytes()[:1000])
    elif damage == "json":
        (folder / "classifier.json").write_text("{", encoding="utf-8")
    elif damage == "deep":
        (folder / "classifier.json").write_text("[" * 100_000, encoding="utf-8")
    elif damage == "spoilt":  # inside a packed array: what cannot be unpacked raises zlib.error
        data = bytearray((folder / "classifier.npz").read_bytes())
        data[2000:2064] = (byte ^ 0xFF for byte in data[2000:2064])
        (folder / "classifier.npz").write_bytes(data)
    elif damage == "heads":
        (folder / "classifier.json").write_text(json.dumps(meta | {"heads": ["risk"]}), encoding="utf-8")
    elif damage == "missing":
        (folder / "classifier.npz").unlink()
    else:
        with np.load(folder / "classifier.npz") as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        spoilt = {"idf": kept["idf"][:-1]} if damage == "shape" else {"gamma": np.ones(2, dtype=np.float32)}
        np.savez(folder / "classifier.npz", **kept | spoilt)
    with pytest.raises(KnowledgeError, match=CURE):
        Classifier.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        *({"concern": limit} for limit in (None, float("nan"), float("inf"), -0.1, 0, 1, 9, "x")),
        {"sensitive": 0},
        {"sensitive": 1.1},
        {"colour": 0.5},
    ],
    ids=str,
)
def test_a_threshold_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """With NaN for a threshold the classifier would find no danger, with 0 nothing else."""
    with pytest.raises(KnowledgeError, match=CURE):
        Classifier.load(with_thresholds(tmp_path, change))


def test_a_sensitivity_that_changes_nothing_is_no_fault(tmp_path: Path) -> None:
    assert Classifier.load(with_thresholds(tmp_path, {"sensitive": 1})).thresholds.sensitive == 1


def with_thresholds(folder: Path, change: dict[str, Any]) -> Path:
    """`folder` with the shipped classifier and other thresholds, without those that are None."""
    meta = json.loads((SHIPPED / "classifier.json").read_text(encoding="utf-8"))
    limits = meta["thresholds"] | change
    meta["thresholds"] = {name: limit for name, limit in limits.items() if limit is not None}
    (folder / "classifier.json").write_text(json.dumps(meta), encoding="utf-8")
    (folder / "classifier.npz").symlink_to(SHIPPED / "classifier.npz")
    return folder
