"""What was encoded is kept: a build goes on after a kill, and a damaged journal loses only what is damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripted import HashEncoder, flip, found, snippet_folder, spoil

from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.index import BATCH, open_index
from psylite_pipeline.humour.journal import Journal

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


def test_a_journal_cut_or_changed_while_it_is_read_costs_the_build_and_never_the_process(tmp_path):
    path = tmp_path / "e.vectors"
    for damage in (lambda: os.truncate(path, 600), lambda: spoil(path, flip(-3))):
        journal = Journal(path, "e", anew=True)
        journal.add(digests("a", "b"), np.eye(2, 300, dtype=np.float32))
        damage()
        with pytest.raises(EncoderError, match=r"cut or changed"):
            journal.vectors(digests("b"))
        journal.close()


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
