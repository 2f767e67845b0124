"""The stand-in as a process: its port, weights that cannot be loaded, the OpenMP library, a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest
from standin_server import HELLO, TINY, WHOLE, until

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.llama import LlamaBackend, default_threads
from psylite_pipeline.stack.standin.openmp import lend_openmp
from psylite_pipeline.stack.standin.serve import serve


def test_a_taken_port_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StackError, match="port"):
        serve(taken.getsockname()[1], tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    with pytest.raises(StackError, match=r"could not load|xllamacpp"):
        LlamaBackend(tmp_path / "tiny.gguf")
    assert default_threads() >= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems need no OpenMP library")
def test_a_missing_openmp_library_is_lent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    monkeypatch.delenv("PSYLITE_OPENMP", raising=False)
    copy = tmp_path / "site" / "faiss_cpu.libs" / "libgomp-12ab.so.1.0.0"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"")
    begun: list[str] = []

    def lend(found: bool, place: str) -> None:
        again = lambda: begun.append(os.environ["LD_LIBRARY_PATH"])  # noqa: E731
        lend_openmp(tmp_path / "lib", found=lambda: found, search=[str(tmp_path / place)], again=again)

    lend(True, "site")
    lend(False, "nothing here")
    assert begun == []
    lend(False, "site")
    lend(False, "site")
    assert begun == [f"{tmp_path / 'lib'}:/elsewhere"]
    assert (tmp_path / "lib" / "libgomp.so.1").resolve() == copy


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"""
        import asyncio, logging
        from pathlib import Path
        from psylite_pipeline.stack.standin.backend import Piece
        from psylite_pipeline.stack.standin.serve import serve
        from psylite_pipeline.stack.standin.weights import Weights

        class Endless:
            context = 1000
            async def prompt(self, messages):
                return [1]
            async def generate(self, tokens, sampling):
                while True:
                    yield Piece("a")
                    await asyncio.sleep(0.01)

        logging.basicConfig(level=logging.INFO)
        tiny = Weights("tiny.gguf", {TINY.size}, "{TINY.sha256}", "", "Tiny", "none")
        serve({port}, Path({str(tmp_path)!r}), weights=tiny, load=lambda path, threads: Endless())
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{port}"
        assert until(lambda: _answers(url), 20.0)
        with httpx.stream("POST", url + "/api/chat", json={"model": "psylite-standin", "messages": HELLO}) as talk:
            next(talk.iter_lines())
            os.kill(process.pid, number)
            begun = time.monotonic()
            assert process.wait(5.0) == 0
            assert time.monotonic() - begun < 2.0
        assert process.stderr is not None
        said = process.stderr.read()
        assert "This is a stand-in, not PsyLite" in said
        assert "Traceback" not in said
    finally:
        process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/api/version", timeout=1.0).status_code == 200
    except httpx.TransportError:
        return False
