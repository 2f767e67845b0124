"""An index that is cut, foreign, gone or half built while people talk: snippets are served, and it is made anew."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from full_disk import disk_full
from scripted import HashEncoder, Talk, refreshed, scripted_counsellor, snippet_folder, snippet_toml

from psylite_pipeline.errors import IndexFileError
from psylite_pipeline.files import write_whole
from psylite_pipeline.humour import dense as dense_module
from psylite_pipeline.humour import index as index_module
from psylite_pipeline.humour import shelf as shelf_module
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.dense import DenseIndex
from psylite_pipeline.humour.index import open_index
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.settings import Preferences, Settings

KNOWLEDGE = Settings.load().knowledge_dir
JOKE = "来个JOKE"
OFTEN = Preferences(humour_every=1)

#: What a person notices of a fault behind which the snippets are served as before.
SERVED = "nothing of it: the snippets are served"


def damage_cut(files: list[Path]) -> None:
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_gone(files: list[Path]) -> None:
    for path in files:
        path.unlink()


def damage_foreign(files: list[Path]) -> None:
    for path in files:
        path.write_bytes(b"PK\x03\x04 something else")


def damage_folder_gone(files: list[Path]) -> None:
    shutil.rmtree(next(path.parent for path in files if path.suffix == ".vectors"))


@pytest.mark.parametrize("damage", [damage_cut, damage_gone, damage_foreign, damage_folder_gone])
def test_an_index_damaged_while_serving_costs_nothing_now_and_is_made_anew(tmp_path, told, damage):
    talk = Talk(scripted_counsellor(tmp_path), OFTEN)
    assert talk.say(JOKE).route == "humour"
    files = sorted(path for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert {"about.json", "dense.faiss", "hash-16.vectors"} <= {path.name for path in files}
    damage(files)
    assert talk.say(JOKE).route == "humour"  # served from memory
    again = Talk(scripted_counsellor(tmp_path), OFTEN)  # a second start finds the damage and builds it again
    assert again.say(JOKE).route == "humour"
    encoder = HashEncoder()
    corpus = load_corpus([tmp_path / "snippets"])
    assert index_module._load(corpus, encoder.name, tmp_path / "index").get("s-1") is not None
    told(f"index, {damage.__name__.removeprefix('damage_').replace('_', ' ')}, while serving", SERVED)


SERVES_A_LARGE_INDEX = """
import sys
from pathlib import Path
from scripted import HashEncoder, found
from psylite_pipeline.humour import dense, index
from psylite_pipeline.humour.corpus import load_corpus
dense.EXACT_MOST = index.EXACT_MOST = 100
folder, home = Path(sys.argv[1]), Path(sys.argv[2])
corpus = load_corpus([folder])
index.open_index(corpus, HashEncoder(), home)
served = index.open_index(corpus, HashEncoder(), home)
assert not served.dense.exact
before = found(served)
for path in [path for path in home.rglob("*") if path.is_file()]:
    if sys.argv[3] == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if sys.argv[3] == "cut" else b"PK" * path.stat().st_size)
assert found(served) == before
"""


@pytest.mark.parametrize("damage", ["cut", "gone", "foreign"])
def test_a_large_index_that_is_damaged_while_serving_does_not_end_the_process(tmp_path, told, damage):
    folder = snippet_folder(tmp_path / "many", 800)
    command = [sys.executable, "-c", SERVES_A_LARGE_INDEX, str(folder), str(tmp_path / "index"), damage]
    ended = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told(f"large index, {damage}, while serving", SERVED)


def test_where_there_is_no_room_for_a_copy_to_map_a_large_index_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(dense_module, "EXACT_MOST", 100)
    rows = HashEncoder().encode([str(number) for number in range(800)])
    DenseIndex.build(800, lambda start, stop: rows[start:stop]).save(tmp_path / "dense.faiss")
    with disk_full(100):
        index = DenseIndex.load(tmp_path / "dense.faiss", map_in=tmp_path)
    assert DenseIndex.load(tmp_path / "dense.faiss", map_in=tmp_path / "none").rows == index.rows == 800


def test_an_index_replaced_while_serving_by_that_of_another_corpus_changes_nothing(tmp_path, told, caplog):
    counsellor = scripted_counsellor(tmp_path / "ours")
    assert Talk(counsellor, OFTEN).say(JOKE).route == "humour"
    other = snippet_folder(tmp_path / "other", 3)
    open_index(load_corpus([other]), HashEncoder(), tmp_path / "ours" / "index")
    said = Talk(counsellor, OFTEN)
    assert said.say(JOKE).decision.snippets[0].startswith("s-")
    again = Talk(scripted_counsellor(tmp_path / "ours"), OFTEN)
    for _ in range(5):  # three would be all that the other corpus has
        assert again.say(JOKE).route == "humour"
    told("index replaced by another's, while serving", SERVED, caplog.text)


def test_a_full_disk_while_the_index_is_built_costs_only_the_saving(tmp_path, told, caplog):
    counsellor = scripted_counsellor(tmp_path)
    with disk_full(100):
        assert Talk(counsellor, OFTEN).say(JOKE).route == "humour"
    assert "the index cannot be saved" in caplog.text
    assert [path for path in (tmp_path / "index").iterdir() if path.suffix == ".part"] == []
    assert Talk(scripted_counsellor(tmp_path), OFTEN).say(JOKE).route == "humour"
    assert len(list((tmp_path / "index").iterdir())) == 2
    told("disk full while the index is built", SERVED, caplog.text)


@pytest.mark.parametrize("moment", [0, 4_102_444_800], ids=["1970", "2100"])
def test_a_clock_that_moved_neither_hides_a_change_nor_stops_a_turn(tmp_path, monkeypatch, told, caplog, moment):
    folder = snippet_folder(tmp_path / "snippets", 2)
    shelf = Shelf([folder], HashEncoder(), tmp_path / "index")
    counsellor = scripted_counsellor(tmp_path, shelf=shelf)
    assert Talk(counsellor, OFTEN).say(JOKE).route == "humour"
    monkeypatch.setattr(time, "time", lambda: float(moment))
    added = folder / "zh" / "two.toml"
    added.write_text(snippet_toml(77), encoding="utf-8")
    os.utime(added, (moment, moment))
    monkeypatch.setattr(shelf_module, "LOOK_AGAIN_SECONDS", -1.0)
    assert refreshed(shelf).get("s-77") is not None
    assert Talk(counsellor, OFTEN).say("DIE").route == "crisis"
    write_whole(tmp_path / "any", b"x")
    told(f"clock moved to {time.gmtime(moment).tm_year}", SERVED, caplog.text)


# -- the process is killed

BUILDS = """
import sys
from pathlib import Path
from scripted import HashEncoder
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.index import open_index
corpora = [load_corpus([Path(folder)]) for folder in sys.argv[2:]]
print("building", flush=True)
while True:
    for corpus in corpora:
        open_index(corpus, HashEncoder(256), Path(sys.argv[1]), anew=True)
"""


def test_a_build_killed_at_any_moment_leaves_a_whole_index_or_none(tmp_path, told):
    folders = [snippet_folder(tmp_path / name, count) for name, count in (("a", 40), ("b", 70))]
    corpora = [load_corpus([folder]) for folder in folders]
    encoder = HashEncoder(256)
    pauses = random.Random(6)
    for _ in range(8):
        command = [sys.executable, "-c", BUILDS, str(tmp_path / "index"), *map(str, folders)]
        process = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pauses.uniform(0.001, 0.12))
        process.kill()
        process.wait()
        process.stdout.close()
        for corpus in corpora:
            try:
                loaded = index_module._load(corpus, encoder.name, tmp_path / "index")
            except IndexFileError:
                continue
            text = corpus.snippets[7].lines
            hits = loaded.search(text, encoder.encode([text])[0], language="zh")
            assert hits[0].snippet.id == corpus.snippets[7].id
    for corpus in corpora:  # and the next start mends it
        assert len(open_index(corpus, encoder, tmp_path / "index").corpus.snippets) == len(corpus.snippets)
    told(
        "killed while an index is built", "nothing of it: the index is whole or none, and built again at the next start"
    )


def test_psylite_index_killed_and_started_again_serves_everything(tmp_path, told):
    knowledge = tmp_path / "knowledge"
    shutil.copytree(KNOWLEDGE, knowledge, ignore=shutil.ignore_patterns("turns", "crosstalk"))
    snippet_folder(knowledge / "crosstalk", 12)
    environment = {
        **os.environ,
        "PSYLITE_DATA_DIR": str(tmp_path / "data"),
        "PSYLITE_KNOWLEDGE_DIR": str(knowledge),
    }
    command = [sys.executable, "-c", "from psylite_pipeline.cli import main; main()", "index", "--force"]
    pauses = random.Random(7)
    for _ in range(3):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pauses.uniform(0.1, 2.5))
        process.kill()
        process.wait()
    done = subprocess.run(command[:-1], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "12 zh snippets" in done.stdout
    assert "Traceback" not in done.stderr
    told("`psylite index` killed and started again", "nothing of it: all snippets are served", done.stderr)
