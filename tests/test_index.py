"""The index over the snippets: loaded where it fits, built again where anything is amiss, one for each encoder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scripted import HashEncoder, flip, found, shelf_of, snippet_folder, snippet_toml, spoil

from psylite_pipeline.embedding import BundledEncoder
from psylite_pipeline.humour import dense as dense_module
from psylite_pipeline.humour import index as index_module
from psylite_pipeline.humour import searching
from psylite_pipeline.humour.choosing import THRESHOLDS, UNKNOWN, threshold
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.dense import DenseIndex
from psylite_pipeline.humour.index import BATCH, open_index, snippet_vectors
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.settings import bundled

GOOD = snippet_toml(77)


def files(folder: Path) -> dict[str, Path]:
    """The index's files by suffix; `.vectors` is the journal beside them."""
    return {path.suffix: path for path in folder.rglob("*") if path.is_file() and path.parent.name != "words"}


def test_an_index_is_built_once_and_then_loaded(snippets):
    first, second = HashEncoder(), HashEncoder()
    built = shelf_of(snippets, first).open()
    loaded = shelf_of(snippets, second).open()
    assert (first.encoded, second.encoded) == (20, 0)
    assert loaded.computed_thresholds == built.computed_thresholds
    assert found(loaded) == found(built)
    assert found(loaded)[0][0] == "s-3"


def test_one_vector_a_snippet_the_middle_of_its_keys(snippets):
    corpus = load_corpus([snippets])
    encoder = HashEncoder()
    vectors = snippet_vectors(corpus.snippets, encoder)
    assert vectors.shape == (10, 16)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    middle = encoder.encode(corpus.snippets[4].keys).mean(axis=0)
    assert np.allclose(vectors[4], middle / np.linalg.norm(middle), atol=1e-5)


def about(**changed):
    def change(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return change


DAMAGE = {
    "cut": (".faiss", lambda path: path.write_bytes(path.read_bytes()[:-40])),
    "empty": (".faiss", lambda path: path.write_bytes(b"")),
    "gone": (".faiss", lambda path: path.unlink()),
    "a folder": (".faiss", lambda path: (path.unlink(), path.mkdir())),
    "header bit": (".faiss", lambda path: spoil(path, flip(5))),
    "magic": (".faiss", lambda path: spoil(path, flip(0))),
    "a vector's bit": (".faiss", lambda path: spoil(path, flip(-3))),
    "topics": (".npy", lambda path: spoil(path, flip(-3))),
    "words cut": (".faiss", lambda path: (path.parent / "words" / "vocab.index.json").write_bytes(b"{")),
    "words gone": (".faiss", lambda path: (path.parent / "words" / "params.index.json").unlink()),
    "about cut": (".json", lambda path: path.write_text('{"format":')),
    "about a list": (".json", lambda path: path.write_text("[]")),
    "about not text": (".json", lambda path: path.write_bytes(b"\xff\xfe")),
    "about gone": (".json", lambda path: path.unlink()),
    "about deep": (".json", lambda path: path.write_text("[" * 50_000)),
    "another format": (".json", about(format=0)),
    "another encoder": (".json", about(encoder="other")),
    "no threshold": (".json", about(thresholds=None)),
    "threshold out of range": (".json", about(thresholds={"zh": float("nan")})),
    "threshold no number": (".json", about(thresholds={"zh": [0.5]})),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_or_foreign_index_is_refused_with_a_sentence_and_built_again(snippets, caplog, name):
    good = shelf_of(snippets).open()
    suffix, damage = DAMAGE[name]
    damage(files(snippets.parent / "index")[suffix])
    encoder = HashEncoder()
    again = shelf_of(snippets, encoder).open()
    assert "It is built again." in caplog.text
    assert encoder.encoded == 0, "what was encoded is in the journal"
    assert again.computed_thresholds == good.computed_thresholds
    assert found(again) == found(good)
    caplog.clear()
    assert found(shelf_of(snippets, HashEncoder()).open()) == found(good)
    assert caplog.text == "", "what was built was not saved"


def test_a_changed_corpus_is_no_damage_and_no_warning(snippets, caplog):
    shelf_of(snippets).open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")
    encoder = HashEncoder()
    assert len(shelf_of(snippets, encoder).open().corpus.snippets) == 11
    assert encoder.encoded == 2
    assert caplog.text == ""


def test_the_vectors_of_another_corpus_beside_our_description_are_refused(tmp_path):
    """Two servers that share a data folder, or somebody who copies files about."""
    one, two = snippet_folder(tmp_path / "one"), snippet_folder(tmp_path / "two")
    path = two / "zh" / "one.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("开场", "收尾"), encoding="utf-8")
    index_dir = tmp_path / "index"
    Shelf([one], HashEncoder(), index_dir).open()
    vectors = files(index_dir)[".faiss"].read_bytes()
    right = found(Shelf([two], HashEncoder(), index_dir).open(), "第3句收尾")
    files(index_dir)[".faiss"].write_bytes(vectors)
    assert found(Shelf([two], HashEncoder(), index_dir).open(), "第3句收尾") == right


def test_a_data_folder_that_cannot_be_written_costs_only_time(snippets, caplog):
    blocked = snippets.parent / "file"
    blocked.write_text("not a folder")
    for _ in range(2):
        encoder = HashEncoder()
        shelf = Shelf([snippets], encoder, blocked / "index")
        assert shelf.find(["第3句"], language="zh", asked=True) is not None
        assert encoder.encoded >= 20
    assert "PSYLITE_DATA_DIR" in caplog.text
    assert str(blocked) in caplog.text
    assert blocked.read_text() == "not a folder"


def test_saving_leaves_no_half_written_folder(snippets, monkeypatch):
    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    assert shelf_of(snippets).open().corpus.snippets
    monkeypatch.undo()
    assert [path.suffix for path in (snippets.parent / "index").iterdir()] == [".vectors"]


def test_a_folder_left_by_a_build_that_was_killed_long_ago_is_removed(snippets):
    left, fresh = (snippets.parent / "index" / f"hash-16.{name}.part" for name in ("old", "new"))
    for path in (left, fresh):
        path.mkdir(parents=True)
        (path / "dense.faiss").write_bytes(b"half")
    os.utime(left, (1, 1))
    shelf_of(snippets).open()
    assert not left.exists()
    assert fresh.exists(), "another process may be at it"


def test_an_empty_corpus_has_an_index_that_finds_nothing(tmp_path):
    (tmp_path / "none").mkdir()
    for _ in range(2):
        shelf = Shelf([tmp_path / "none"], HashEncoder(), tmp_path / "index")
        assert shelf.find(["笑话"], language="zh", asked=True) is None
        assert shelf.shown_in(["<details>x</details>"]) == (frozenset(),)


def test_progress_is_told_while_building(tmp_path):
    told = []
    shelf_of(snippet_folder(tmp_path / "many", BATCH + 3)).open(lambda done, total: told.append((done, total)))
    assert told == [(BATCH, BATCH + 3), (BATCH + 3, BATCH + 3)]


def test_index_files_hold_no_dialogue(snippets):
    shelf_of(snippets).open()
    for path in (snippets.parent / "index").rglob("*"):
        assert not path.is_file() or "句开场".encode() not in path.read_bytes()


def test_open_index_can_be_called_without_a_shelf(snippets, tmp_path):
    corpus = load_corpus([snippets])
    assert open_index(corpus, HashEncoder(), tmp_path / "elsewhere").corpus is corpus


# -- many snippets


def test_a_large_index_is_inverted_mapped_and_finds_nearly_all(tmp_path, monkeypatch):
    monkeypatch.setattr(dense_module, "EXACT_MOST", 1_000)
    random = np.random.default_rng(5)
    middles = random.standard_normal((40, 32))
    rows = middles[random.integers(0, 40, 6_000)] + 0.6 * random.standard_normal((6_000, 32))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    built = DenseIndex.build(6_000, lambda start, stop: rows[start:stop])
    built.save(tmp_path / "dense.faiss")
    index = DenseIndex.load(tmp_path / "dense.faiss", map_in=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dense.faiss"]
    assert not index.exact
    odd = np.arange(6_000) % 2 == 1
    right = 0
    for query in rows[::300] + 0.02:
        got = index.search(query, 10, odd)
        assert (got % 2 == 1).all()
        assert (np.diff(rows[got] @ query) <= 0.05).all(), "nearest first, as far as a byte a dimension tells"
        likeness = np.where(odd, rows @ query, -9)
        right += len(set(got.tolist()) & set(np.argsort(-likeness)[:10].tolist()))
    assert right >= 0.9 * 10 * 20
    assert np.abs(index.vectors(np.array([5, 17])) - rows[[5, 17]]).max() < 0.02


# -- another encoder


def test_another_encoder_gets_an_index_and_a_threshold_of_its_own(snippets):
    small, large = HashEncoder(16), HashEncoder(48)
    one, two = shelf_of(snippets, small).open(), shelf_of(snippets, large).open()
    assert large.encoded == 20
    assert one.computed_thresholds != two.computed_thresholds
    assert found(two)
    back = HashEncoder(16)
    assert shelf_of(snippets, back).open().computed_thresholds == one.computed_thresholds
    assert back.encoded == 0, "coming back to an encoder needs no building"


def test_an_encoder_of_the_same_name_and_another_size_gets_a_new_index(snippets):
    shelf_of(snippets, HashEncoder(16, name="same")).open()
    encoder = HashEncoder(48, name="same")
    assert shelf_of(snippets, encoder).find(["第3句开场"], language="zh", asked=True) is not None


def test_an_encoder_of_the_same_name_and_another_size_may_meet_half_a_journal(snippets):
    shelf_of(snippets, HashEncoder(16, name="same")).open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")
    assert shelf_of(snippets, HashEncoder(48, name="same")).open().dimensions == 48


def test_a_measured_threshold_goes_before_the_computed_one(snippets, monkeypatch):
    monkeypatch.setitem(THRESHOLDS, "hash-16", {"zh": 0.123})
    opened = shelf_of(snippets).open()
    assert threshold(opened, "zh") == 0.123
    monkeypatch.delitem(THRESHOLDS, "hash-16")
    assert threshold(opened, "zh") == opened.computed_thresholds["zh"]
    assert threshold(opened, "en") == UNKNOWN, "there is no snippet in it"


def test_a_computed_threshold_is_a_score_that_half_of_the_snippets_reach(tmp_path):
    opened = shelf_of(snippet_folder(tmp_path / "many", 60), HashEncoder(64)).open()
    reached = [
        hit.score >= opened.computed_thresholds["zh"]
        for one in opened.corpus.snippets
        for hit in opened.search(one.keys[1], opened.vectors([one.id])[0], language="zh")
        if hit.snippet is not one
    ]
    assert 0.4 < np.mean(reached) < 0.6


def test_a_computed_threshold_does_not_grow_with_the_number_of_snippets(tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "NEIGHBOURS", 40)
    monkeypatch.setattr(index_module, "SAMPLE", 40)
    few, many = (shelf_of(snippet_folder(tmp_path / str(count), count)).open() for count in (40, 400))
    assert abs(few.computed_thresholds["zh"] - many.computed_thresholds["zh"]) < 0.1


def test_with_the_bundled_encoder_the_computed_threshold_comes_near_the_measured_one(tmp_path):
    corpus = load_corpus([bundled("knowledge") / "crosstalk"])
    encoder = BundledEncoder()
    computed = open_index(corpus, encoder, tmp_path).computed_thresholds
    for language, measured in THRESHOLDS[encoder.name].items():
        assert abs(computed[language] - measured) < 0.05, language
