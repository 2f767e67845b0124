"""The index over the snippets: loaded where it fits, built again where anything is amiss, gone on with after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from scripted import HashEncoder, snippet_folder, snippet_toml

from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour import dense as dense_module
from psylite_pipeline.humour import shelf as shelf_module
from psylite_pipeline.humour.choosing import THRESHOLDS, threshold
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.dense import DenseIndex
from psylite_pipeline.humour.index import BATCH, computed_threshold, open_index, snippet_vectors
from psylite_pipeline.humour.journal import Journal
from psylite_pipeline.humour.searching import SnippetIndex
from psylite_pipeline.humour.shelf import Shelf

GOOD = snippet_toml(77)


@pytest.fixture
def snippets(tmp_path: Path) -> Path:
    return snippet_folder(tmp_path / "snippets")


def shelf_of(folder: Path, encoder=None) -> Shelf:
    return Shelf([folder], encoder or HashEncoder(), folder.parent / "index")


def files(folder: Path) -> dict[str, Path]:
    """The index's files by suffix; `.vectors` is the journal beside them."""
    return {path.suffix: path for path in folder.rglob("*") if path.is_file() and path.parent.name != "words"}


def found(index: SnippetIndex, text: str = "第3句开场") -> list[tuple[str, float]]:
    vector = HashEncoder(index.dimensions).encode([text])[0]
    return [(hit.snippet.id, round(hit.score, 5)) for hit in index.search(text, vector, language="zh")]


def test_an_index_is_built_once_and_then_loaded(snippets):
    first, second = HashEncoder(), HashEncoder()
    built = shelf_of(snippets, first).open()
    loaded = shelf_of(snippets, second).open()
    assert (first.encoded, second.encoded) == (20, 0)
    assert loaded.computed_threshold == built.computed_threshold
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


def spoil(path: Path, change) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))


def flip(at: int):
    def change(data: bytearray) -> None:
        data[at] ^= 0xFF

    return change


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
    "no threshold": (".json", about(threshold=None)),
    "threshold out of range": (".json", about(threshold=float("nan"))),
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
    assert again.computed_threshold == good.computed_threshold
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


# -- stopped half-way

BUILDS = """
import sys
from pathlib import Path
from scripted import HashEncoder
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.index import open_index
def tell(done, of):
    print(done, flush=True)
    sys.stdin.readline()
open_index(load_corpus([Path(sys.argv[1])]), HashEncoder(), Path(sys.argv[2]), tell)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_build_that_was_stopped_goes_on_where_it_was(tmp_path, how):
    folder, index_dir = snippet_folder(tmp_path / "many", 4 * BATCH), tmp_path / "index"
    command = [sys.executable, "-c", BUILDS, str(folder), str(index_dir)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as build:
        assert build.stdin is not None
        assert build.stdout is not None
        assert build.stdout.readline() == f"{BATCH}\n"
        build.stdin.write("\n")
        build.stdin.flush()
        assert build.stdout.readline() == f"{2 * BATCH}\n"
        build.send_signal(how)
    encoder = HashEncoder()
    told = []
    again = open_index(load_corpus([folder]), encoder, index_dir, lambda done, of: told.append((done, of)))
    assert encoder.encoded == 2 * 2 * BATCH, "two of four batches were kept"
    assert told[0] == (3 * BATCH, 4 * BATCH)
    assert found(again) == found(open_index(load_corpus([folder]), HashEncoder(), tmp_path / "fresh"))


# -- the journal


def digests(*names: str) -> list[bytes]:
    return [name.encode().ljust(16) for name in names]


def some(count: int, dimensions: int = 4) -> np.ndarray:
    return np.arange(count * dimensions, dtype=np.float32).reshape(count, dimensions) + 1


def journal_of(path: Path, *names: str) -> Path:
    journal = Journal(path, "e")
    if names:
        journal.add(digests(*names), some(len(names)))
    journal.close()
    return path


@pytest.mark.parametrize("lost", [1, 20, 35, 36, 37, 71])
def test_a_half_written_end_is_cut_off_and_written_over(tmp_path, lost):
    path = journal_of(tmp_path / "j", "a", "b", "c")
    path.write_bytes(path.read_bytes()[:-lost])
    whole = 3 - -(-lost // 36)
    journal = Journal(path, "e")
    assert [digest in journal for digest in digests("a", "b", "c")] == [place < whole for place in range(3)]
    journal.add(digests("d"), some(1))
    journal.close()
    again = Journal(path, "e")
    assert np.array_equal(again.vectors(digests("d")), some(1))
    assert np.array_equal(again.vectors(digests("a", "b")[:whole]), some(3)[: min(whole, 2)])
    again.close()


def test_a_flipped_bit_loses_that_vector_and_no_other(tmp_path, caplog):
    path = journal_of(tmp_path / "j", "a", "b", "c")
    spoil(path, flip(512 + 36 + 25))
    journal = Journal(path, "e")
    assert [digest in journal for digest in digests("a", "b", "c")] == [True, False, True]
    assert "1 damaged" in caplog.text
    assert np.array_equal(journal.vectors(digests("c")), some(3)[2:])
    journal.close()


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"[]" * 600, b"\xff" * 600, b'{"format": 1, "encoder": "other"}'])
def test_a_foreign_file_is_not_used(tmp_path, caplog, data):
    path = tmp_path / "j"
    path.write_bytes(data)
    journal = Journal(path, "e")
    assert "is not used" in caplog.text
    journal.add(digests("a"), some(1))
    journal.close()
    again = Journal(path, "e")
    assert digests("a")[0] in again
    again.close()


def test_while_one_writes_another_keeps_its_own_in_memory(tmp_path):
    path = journal_of(tmp_path / "j", "a")
    first, second = Journal(path, "e"), Journal(path, "e")
    second.add(digests("x"), some(1))
    first.add(digests("b"), some(1))
    assert np.array_equal(second.vectors(digests("a", "x")), np.concatenate([some(1), some(1)]))
    first.close()
    second.close()
    last = Journal(path, "e")
    assert [digest in last for digest in digests("a", "b", "x")] == [True, True, False]
    last.close()


def test_what_is_wanted_no_more_is_dropped_when_it_is_most(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path, "e")
    names = [f"n{number}" for number in range(1_200)]
    journal.add(digests(*names), some(1_200))
    size = path.stat().st_size
    journal.close(digests("n7", "n1100"))
    assert path.stat().st_size < size / 50
    assert list(tmp_path.iterdir()) == [path]
    again = Journal(path, "e")
    assert np.array_equal(again.vectors(digests("n7", "n1100")), some(1_200)[[7, 1100]])
    again.close()


# -- many snippets


def test_a_large_index_is_inverted_mapped_and_finds_nearly_all(tmp_path, monkeypatch):
    monkeypatch.setattr(dense_module, "EXACT_MOST", 1_000)
    random = np.random.default_rng(5)
    middles = random.standard_normal((40, 32))
    rows = middles[random.integers(0, 40, 6_000)] + 0.6 * random.standard_normal((6_000, 32))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    built = DenseIndex.build(6_000, lambda start, stop: rows[start:stop])
    built.save(tmp_path / "dense.faiss")
    index = DenseIndex.load(tmp_path / "dense.faiss", mapped=True)
    assert not index.exact
    odd = np.arange(6_000) % 2 == 1
    right = 0
    for query in rows[::300] + 0.02:
        got, scores = index.search(query, 10, odd)
        assert (got % 2 == 1).all()
        assert (np.diff(scores) <= 0).all()
        likeness = np.where(odd, rows @ query, -9)
        right += len(set(got.tolist()) & set(np.argsort(-likeness)[:10].tolist()))
    assert right >= 0.9 * 10 * 20
    assert np.abs(index.vectors(np.array([5, 17])) - rows[[5, 17]]).max() < 0.02


# -- another encoder


def test_another_encoder_gets_an_index_and_a_threshold_of_its_own(snippets):
    small, large = HashEncoder(16), HashEncoder(48)
    one, two = shelf_of(snippets, small).open(), shelf_of(snippets, large).open()
    assert large.encoded == 20
    assert one.computed_threshold != two.computed_threshold
    assert found(two)
    back = HashEncoder(16)
    assert shelf_of(snippets, back).open().computed_threshold == one.computed_threshold
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
    assert threshold(opened, "en") == opened.computed_threshold


def test_a_computed_threshold_is_reached_by_few_unrelated_pairs(tmp_path):
    corpus = load_corpus([snippet_folder(tmp_path / "many", 60)])
    vectors = snippet_vectors(corpus.snippets, HashEncoder(64))
    least = computed_threshold(vectors)
    pairs = (vectors @ vectors.T)[np.triu_indices(60, 1)]
    assert np.mean(pairs >= least) <= 0.02
    assert least <= 1.0


# -- while serving


@pytest.fixture
def always_look(monkeypatch):
    monkeypatch.setattr(shelf_module, "LOOK_AGAIN_SECONDS", -1.0)


@pytest.mark.usefixtures("always_look")
def test_a_changed_file_is_served_without_a_restart(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    assert shelf.get("s-77") is None
    new = snippets / "zh" / "two.toml"
    new.write_text(GOOD, encoding="utf-8")
    assert shelf.get("s-77") is not None
    assert encoder.encoded == 20 + 2, "only what is new is encoded: a person may be waiting"
    fresh = shelf_of(snippets, HashEncoder()).open()
    assert found(shelf.open(), "第77句开场") == found(fresh, "第77句开场")
    new.write_text(GOOD.replace("第77段", "改过的"), encoding="utf-8")
    changed = shelf.get("s-77")
    assert changed is not None
    assert changed.title == "改过的"
    new.unlink()
    assert shelf.get("s-77") is None
    assert len(shelf.open().corpus.snippets) == 10


@pytest.mark.usefixtures("always_look")
def test_nothing_is_read_again_while_nothing_changed(snippets, monkeypatch):
    shelf = shelf_of(snippets)
    first = shelf.open()
    monkeypatch.setattr(shelf_module, "load_corpus", lambda folders: pytest.fail("read again"))
    assert shelf.open() is first


@pytest.mark.usefixtures("always_look")
def test_what_was_served_goes_on_when_a_change_cannot_be_encoded(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    shelf.open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")
    encoder.fails = True
    answer = f"<details>{shelf.get('s-1').lines}</details>"
    assert shelf.shown_in([answer]) == (frozenset({"s-1"}),)
    encoder.fails = False
    assert shelf.get("s-77") is not None


@pytest.mark.usefixtures("always_look")
def test_changed_bad_files_are_named_in_the_log(snippets, caplog):
    shelf = shelf_of(snippets)
    shelf.open()
    (snippets / "zh" / "two.toml").write_text("[[snippet]", encoding="utf-8")
    assert len(shelf.open().corpus.snippets) == 10
    assert "two.toml" in caplog.text


def test_without_an_encoder_there_is_an_error_and_later_an_index(snippets):
    encoder = HashEncoder(fails=True)
    shelf = shelf_of(snippets, encoder)
    with pytest.raises(EncoderError):
        shelf.open()
    encoder.fails = False
    assert shelf.open().corpus.snippets


def test_many_threads_open_one_index(snippets):
    encoder = HashEncoder()
    shelf = shelf_of(snippets, encoder)
    opened: list = []
    threads = [threading.Thread(target=lambda: opened.append(shelf.open())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in opened}) == 1
    assert encoder.encoded == 20
