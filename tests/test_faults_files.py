"""Files that are cut, foreign, gone or cannot be written while people talk: nothing is lost, the next turn works."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_ollama import FakeOllama
from pipelines_server import running
from scripted import HashEncoder, Talk, refreshed, scripted_counsellor, snippet_folder, snippet_toml

from psylite_pipeline import opening
from psylite_pipeline.errors import IndexFileError, KnowledgeError
from psylite_pipeline.files import write_whole
from psylite_pipeline.humour import dense as dense_module
from psylite_pipeline.humour import index as index_module
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.dense import DenseIndex
from psylite_pipeline.humour.index import open_index
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Replies
from psylite_pipeline.risk.classifier import Classifier
from psylite_pipeline.risk.last_resort import LastResortLexicon
from psylite_pipeline.risk.lexicon import Lexicon
from psylite_pipeline.settings import Preferences, Settings

KNOWLEDGE = Settings.load().knowledge_dir
JOKE = "来个JOKE"
OFTEN = Preferences(humour_every=1)

#: What a person notices of a fault behind which the snippets are served as before.
SERVED = "nothing of it: the snippets are served"


@contextmanager
def disk_full(free: int = 0):
    """No file of this process may grow past `free` bytes: the kernel refuses as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# -- whole or not there


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with disk_full(2), pytest.raises(OSError, match=r"."):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_litter_of_a_killed_writer_is_removed_and_a_live_writers_file_stays(tmp_path):
    for name, age in (("a.json.old.part", 7200), ("a.json.new.part", 5), ("b.json.old.part", 7200)):
        (tmp_path / name).write_bytes(b"{")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    write_whole(tmp_path / "a.json", b"{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.json.new.part", "b.json.old.part"]


def test_many_writers_of_one_file_never_mix(tmp_path):
    path = tmp_path / "a"
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: write_whole(path, bytes([65 + number % 26]) * (1000 + number)), range(200)))
    data = path.read_bytes()
    assert len(set(data)) == 1
    assert list(tmp_path.iterdir()) == [path]


# -- the index while people talk


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
    shelf._looked = float("-inf")  # as after the seconds between two looks
    assert refreshed(shelf).get("s-77") is not None
    assert Talk(counsellor, OFTEN).say("DIE").route == "crisis"
    write_whole(tmp_path / "any", b"x")
    told(f"clock moved to {time.gmtime(moment).tm_year}", SERVED, caplog.text)


# -- a data file is broken

READERS = {
    "risk/lexicon": (Lexicon.load, opening.open_lexicon),
    "risk/classifier": (Classifier.load, opening.open_classifier),
    "risk/output": (OutputCheck.load, opening.open_output_check),
    "replies": (Replies.load, opening.open_replies),
    "prompts": (Prompts.load, opening.open_prompts),
}
FILES = [
    (folder, str(path.relative_to(KNOWLEDGE / folder)))
    for folder in READERS
    for path in sorted((KNOWLEDGE / folder).rglob("*"))
    if path.suffix in {".toml", ".npz", ".json"}
]


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of our data files; each test breaks one and mends it again."""
    target = tmp_path_factory.mktemp("knowledge") / "knowledge"
    return shutil.copytree(KNOWLEDGE, target, ignore=shutil.ignore_patterns("turns"))


@contextmanager
def broken(path: Path):
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: len(whole) // 2] + b'\n"""\x00\xff')
        yield
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_broken_data_file_is_named(copied, folder, name):
    with broken(copied / folder / name), pytest.raises(KnowledgeError, match=Path(name).stem):
        READERS[folder][0](copied / folder)


@pytest.mark.parametrize("folder", READERS)
def test_the_shipped_files_stand_in_for_a_broken_one(copied, told, caplog, folder):
    name = next(name for place, name in FILES if place == folder)
    with broken(copied / folder / name):
        part = READERS[folder][1](Settings.load(knowledge_dir=copied))
    assert part is not None
    assert not isinstance(part, LastResortLexicon)
    assert Path(name).stem in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    told(f"broken file in {folder}", "nothing of it: the shipped file stands in", caplog.text)


# Whole files and good TOML, and yet not what is read there. Each is written over a file of the folder, or beside its
# files.
NESTED = "deep = " + "[" * 4000 + "]" * 4000
WRONG_SHAPES = [
    *(("risk/lexicon", "own.toml", text) for text in (
        'kept = ["(a|b"]', '[rewrite]\n"死" = ["(a|b"]', 'rewrite = ["x"]', "lists = 3", 'lists = ["x"]', "watched = 3",
        '[rule]\nid = "x"', 'rule = ["x"]', '[marker]\nname = "x"', '[frame]\nname = "x"', NESTED,
        '[[rule]]\nid = "x"\nlevel = "none"\nsign = ["anger"]',
    )),
    ("risk/output", "own.toml", '[rule]\nid = "x"'),
    ("risk/classifier", "classifier.json", "[" * 100_000),
    ("risk/classifier", "classifier.json", '{"format": 3, "heads": 3}'),
    ("replies", "words.en.toml", NESTED),
    ("replies", "words.en.toml", "notice = 3"),
    ("prompts", "en.toml", NESTED),
    ("prompts", "en.toml", "care = 3"),
]  # fmt: skip


@pytest.fixture
def misshapen(copied, request):
    """A folder in which one file has a wrong shape, for the time of a test; with it, where and which."""
    folder, name, text = request.param
    path = copied / folder / name
    whole = path.read_bytes() if path.exists() else None
    path.write_text(text, encoding="utf-8")
    yield copied, folder, path.stem
    path.unlink() if whole is None else path.write_bytes(whole)


SHAPES = pytest.mark.parametrize(
    "misshapen", WRONG_SHAPES, indirect=True, ids=[str(n) for n in range(len(WRONG_SHAPES))]
)


@SHAPES
def test_a_file_of_a_wrong_shape_is_named(misshapen):
    knowledge, folder, stem = misshapen
    with pytest.raises(KnowledgeError, match=stem):
        READERS[folder][0](knowledge / folder)


def test_the_shipped_files_stand_in_where_reading_fails_in_a_way_nobody_foresaw(copied, caplog, monkeypatch):
    class Odd(Exception):
        """No error of ours."""

    for folder, (load, opened) in READERS.items():

        def fails_there(kind, path, load=load):
            if path.is_relative_to(copied):
                raise Odd("secret words")
            return load(path)

        monkeypatch.setattr(load.__self__, "load", classmethod(fails_there))
        part = opened(Settings.load(knowledge_dir=copied))
        assert type(part) is load.__self__, folder
        assert str(copied / folder) in caplog.text
    assert "secret words" not in caplog.text


def test_one_misspelt_line_of_an_admins_own_leaves_the_shipped_rules(copied, monkeypatch):
    own = copied / "risk" / "lexicon" / "own.toml"
    own.write_text('kept = ["(a|b"]', encoding="utf-8")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    try:
        counsellor = opening.open_counsellor(Settings.load(knowledge_dir=copied))
    finally:
        own.unlink()
    assert Talk(counsellor).say("我不想活了").route == "crisis"
    assert Talk(counsellor).say("今天工作有点累").route == "plain"


def test_with_every_data_file_broken_danger_is_still_heard_and_answered(tmp_path, monkeypatch, told, caplog):
    wrong = shutil.copytree(KNOWLEDGE, tmp_path / "knowledge", ignore=shutil.ignore_patterns("turns"))
    for path in wrong.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\x00")
    monkeypatch.setattr(opening, "bundled", lambda name: wrong)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    counsellor = opening.open_counsellor(Settings.load(knowledge_dir=wrong))
    for words, number in (("我不想活了", "12356"), ("I want to kill myself", "988")):
        talk = Talk(counsellor).say(words)
        assert talk.route == "crisis"
        assert number in talk.shown
    assert Talk(counsellor).say("今天有点累").shown
    told("every data file broken, in a crisis", Talk(counsellor).say("我不想活了").shown, caplog.text)


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


# -- valves and servers


def valves(server) -> dict:
    return json.loads((server.folder / "psylite" / "valves.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def backend():
    with FakeOllama(models=("psylite",)) as ollama:
        ollama.otherwise(lambda body: "我在听。")
        yield ollama


@pytest.fixture(scope="module")
def two_servers(backend, tmp_path_factory, shared_data):
    """Two servers that share the folder of plugins and valves and the data folder."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "logs").mkdir()
    with (
        running(folder, backend.url, PSYLITE_DATA_DIR=str(shared_data)) as first,
        running(folder, backend.url, log=folder / "logs" / "second.log", PSYLITE_DATA_DIR=str(shared_data)) as second,
    ):
        yield first, second


def save(server, number: int):
    return server.client.post("/psylite/valves/update", json={"humour_every": number % 50 + 1, "model": "m" * number})


def test_two_hundred_saves_at_once_end_in_one_whole_file(two_servers, told):
    server = two_servers[0]
    try:
        with ThreadPoolExecutor(32) as pool:
            statuses = [answer.status_code for answer in pool.map(lambda n: save(server, n), range(200))]
        assert statuses == [200] * 200
        assert valves(server) == server.client.get("/psylite/valves").json()
    finally:
        server.client.post("/psylite/valves/update", json={}).raise_for_status()
    assert server.chat("今天有点累") == "我在听。"
    told("200 saves of valves at once", "nothing of it: one of them counts, whole")


def test_two_servers_on_one_folder_save_and_answer_beside_each_other(two_servers, told):
    try:
        with ThreadPoolExecutor(16) as pool:
            statuses = [one.status_code for one in pool.map(lambda n: save(two_servers[n % 2], n), range(100))]
        assert statuses == [200] * 100
        saved = valves(two_servers[0])
        assert saved["model"] == "m" * len(saved["model"])
        assert saved["humour_every"] == len(saved["model"]) % 50 + 1
    finally:
        for server in two_servers:
            server.client.post("/psylite/valves/update", json={}).raise_for_status()
    for server in two_servers:
        assert server.chat("今天有点累") == "我在听。"
        assert "12356" in server.chat("我不想活了", stream=True)
        assert not list((server.folder / "psylite").glob("*.part"))
    told("two servers on one folder", "nothing of it: both save and answer")


def test_a_full_disk_at_a_save_is_told_and_the_old_file_stays(two_servers, told):
    server = two_servers[0]
    server.client.post("/psylite/valves/update", json={"region": "HK"}).raise_for_status()
    try:
        size = server.log.stat().st_size
        filler = {"region": "US", "model": "m" * 200, "judge_model": "j" * 200}
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (max(size + 300, 600), resource.RLIM_INFINITY))
        refused = server.client.post("/psylite/valves/update", json=filler)
        assert server.chat("我不想活了")  # a turn needs no disk
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert refused.status_code == 500
    assert "File too large" in refused.text
    assert "could not be saved" in server.log.read_text(encoding="utf-8")
    assert valves(server)["region"] == "HK"
    server.client.post("/psylite/valves/update", json={}).raise_for_status()
    assert valves(server)["region"] == "auto"
    assert server.chat("今天有点累") == "我在听。"
    said = server.log.read_text(encoding="utf-8")[size:]
    told("disk full at a save of valves", "(the admin) that it failed; the old values stay in the file", said)


def test_turns_go_on_while_valves_are_saved_and_files_change(two_servers):
    server, stop = two_servers[0], threading.Event()

    def disturb() -> None:
        number = 0
        while not stop.is_set():
            save(server, number := number + 1)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: server.chat("我不想活了", stream=bool(n % 2)), range(24)))
    finally:
        stop.set()
        thread.join()
        server.client.post("/psylite/valves/update", json={}).raise_for_status()
    assert all("12356" in answer for answer in answers)
