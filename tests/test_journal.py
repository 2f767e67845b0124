"""What was encoded is kept: a build goes on after a kill, and a damaged journal loses only what is damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
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
import signal
import sys
from pathlib import Path
from scripted import HashEncoder
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.index import open_index
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
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


ADDS = """
import sys
from pathlib import Path
import numpy as np
from psylite_pipeline.humour.journal import Journal
journal = Journal(Path(sys.argv[1]), "e")
for number in range(10_000):
    journal.add([b"%16d" % number], np.full((1, 4), number, np.float32))
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_what_was_added_survives_a_kill_at_any_moment(tmp_path, after):
    command = [sys.executable, "-c", ADDS, str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as adds:
        assert adds.stdout is not None
        for _ in range(after):
            adds.stdout.readline()
        adds.kill()
        added = after + len(adds.stdout.read().splitlines())
    journal = Journal(tmp_path / "j", "e")
    rows = journal.vectors([b"%16d" % number for number in range(added)])
    assert np.array_equal(rows, np.repeat(np.arange(added, dtype=np.float32), 4).reshape(added, 4))
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


def right(journal: Journal) -> list[bool]:
    """Which of a, b and c it holds; what it gives is never another vector than was added."""
    held = [digest in journal for digest in digests(*"abc")]
    for digest, row, is_held in zip(digests(*"abc"), some(3), held, strict=True):
        if is_held:
            assert np.array_equal(journal.vectors([digest])[0], row)
    return held


@pytest.mark.parametrize("kept", [0, 1, 100, 5_000, 40_000, -1])
def test_a_file_that_was_cut_is_written_on_or_made_anew(tmp_path, kept):
    path = journal_of(tmp_path / "j", *"abc")
    path.write_bytes(path.read_bytes()[:kept])
    journal = Journal(path, "e")
    right(journal)
    journal.add(digests("d"), some(1))
    journal.close()
    again = Journal(path, "e")
    assert np.array_equal(again.vectors(digests("d")), some(1))
    again.close()


def test_a_flipped_bit_loses_that_vector_and_no_other(tmp_path, caplog):
    path = journal_of(tmp_path / "j", *"abc")
    spoil(path, flip(path.read_bytes().index(some(3)[1].tobytes())))
    journal = Journal(path, "e")
    assert right(journal) == [True, False, True]
    assert "1 damaged" in caplog.text
    journal.close()


def test_whatever_byte_is_changed_no_vector_is_wrong_and_the_file_is_soon_written_on(tmp_path):
    whole = journal_of(tmp_path / "j", *"abc").read_bytes()
    telling = [at for at in range(len(whole)) if whole[at] or at < 110]  # most of a page is empty
    for at in telling[::4]:
        path = tmp_path / f"{at}"
        path.write_bytes(whole)
        spoil(path, flip(at))
        for _ in range(3):  # one that trips over the damage tells of it, and the next begins anew
            journal = Journal(path, "e")
            with suppress(EncoderError):
                right(journal)
                journal.add(digests("d"), some(1))
                assert np.array_equal(journal.vectors(digests("d")), some(1))
                break
            journal.close()
        else:
            pytest.fail(f"the damage of byte {at} stayed")
        journal.close()


def test_a_journal_cut_or_changed_while_it_is_read_costs_the_build_and_never_the_process(tmp_path):
    path = tmp_path / "e.vectors"
    many = np.random.default_rng(5).random((4_000, 300), dtype=np.float32)  # more than SQLite keeps in memory
    names = digests(*(f"n{number}" for number in range(4_000)))
    for damage in (lambda: os.truncate(path, 600), lambda: path.write_bytes(b"PK" * path.stat().st_size)):
        journal = Journal(path, "e", anew=True)
        journal.add(names, many)
        damage()
        with pytest.raises(EncoderError, match=r"cut or changed"):
            journal.vectors(names)
        journal.close()
        again = Journal(path, "e")
        assert names[0] not in again
        again.close()


OLD = b'{"format": 1, "encoder": "e", "dimensions": 4}'.ljust(512) + bytes(36)


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"[]" * 600, b"\xff" * 600, OLD], ids=["zip", "text", "noise", "old"])
def test_a_foreign_or_old_file_is_not_used(tmp_path, caplog, data):
    path = tmp_path / "j"
    path.write_bytes(data)
    journal = Journal(path, "e")
    assert "is not used" in caplog.text
    journal.add(digests("a"), some(1))
    journal.close()
    again = Journal(path, "e")
    assert digests("a")[0] in again
    again.close()


def test_two_encoders_whose_names_make_one_file_name_do_not_mix(tmp_path):
    path = journal_of(tmp_path / "j", "a")
    other = Journal(path, "E")
    assert digests("a")[0] not in other
    other.add(digests("a"), some(1) * 2)
    other.close()
    ours = Journal(path, "e")
    assert np.array_equal(ours.vectors(digests("a")), some(1))
    ours.close()


def test_two_processes_that_build_at_once_keep_what_both_encode(tmp_path):
    path = journal_of(tmp_path / "j", "a")
    first, second = Journal(path, "e"), Journal(path, "e")
    second.add(digests("x"), some(1))
    first.add(digests("b"), some(1))
    assert np.array_equal(second.vectors(digests("a", "x")), np.concatenate([some(1), some(1)]))
    first.close()
    second.close()
    last = Journal(path, "e")
    assert all(digest in last for digest in digests("a", "b", "x"))
    last.close()


def test_what_is_wanted_no_more_is_dropped_when_it_is_most(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path, "e")
    names = [f"n{number}" for number in range(1_200)]
    journal.add(digests(*names), some(1_200, 512))
    size = path.stat().st_size
    journal.close(digests("n7", "n1100"))
    assert path.stat().st_size < size / 30
    assert list(tmp_path.iterdir()) == [path]
    again = Journal(path, "e")
    assert np.array_equal(again.vectors(digests("n7", "n1100")), some(1_200, 512)[[7, 1100]])
    again.close()
