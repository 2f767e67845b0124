"""Files that cannot be written, or that many write at once: they are whole or not there, and turns go on."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_ollama import FakeOllama
from full_disk import disk_full
from pipelines_server import running

from psylite_pipeline.files import write_whole

# -- whole or not there


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with disk_full(2), pytest.raises(OSError, match=r"."):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("durable", "synced"), [(True, ["file", "folder"]), (False, [])])
def test_what_is_to_last_a_power_cut_is_synced_and_so_is_its_name(tmp_path, monkeypatch, durable, synced):
    seen = []

    def sync(handle):
        seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        if len(seen) == 2:
            raise OSError(errno.EINVAL, "this file system cannot")

    monkeypatch.setattr(os, "fsync", sync)
    write_whole(tmp_path / "a.json", b"new", durable=durable)
    assert seen == synced
    assert (tmp_path / "a.json").read_bytes() == b"new"


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
    assert "Not saved: File too large. All is as it was." in refused.text
    assert server.client.get("/psylite/valves").json()["region"] == "HK"
    assert "could not be saved" in server.log.read_text(encoding="utf-8")
    assert valves(server)["region"] == "HK"
    server.client.post("/psylite/valves/update", json={}).raise_for_status()
    assert valves(server)["region"] == "auto"
    assert server.chat("今天有点累") == "我在听。"
    said = server.log.read_text(encoding="utf-8")[size:]
    told("disk full at a save of valves", "(the admin) that it failed; the old values stay in the file and hold", said)


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
