"""`psylite up`, `down` and `clean`: all parts started together, watched, and stopped together."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import partial

from rich.console import Console

from psylite_pipeline import listing
from psylite_pipeline.errors import StackError
from psylite_pipeline.files import is_own
from psylite_pipeline.secret import secret
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import health, install, ollama, pipelines, ports, processes, standin, webui
from psylite_pipeline.stack.alone import alone, stoppable
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.ollama import ModelServer
from psylite_pipeline.stack.processes import Child
from psylite_pipeline.stack.supervisor import Part, start, watch
from psylite_pipeline.stack.teller import Teller

_STANDIN_NOTICE = (
    "The model is a stand-in: a small general model, not PsyLite, and not for people in need.\n"
    "It is here so that you can try everything. For PsyLite itself install Ollama and start again."
)


def up(settings: Settings, console: Console, *, with_webui: bool = True) -> None:
    """Start everything, say where it is, and stay until Ctrl-C; then stop what was started, and only that.

    Raises StackError, after stopping, when a part cannot be had, started or kept alive.
    """
    pipelines.demand_installed()  # before anything is fetched
    teller, layout = Teller(console), Layout(settings.data_dir)
    layout.make()
    parts: list[Part] = []
    with alone(layout), stoppable():
        try:
            _sweep(layout, teller)
            _demand_ports(settings, with_webui)
            model = _get_model(settings, layout, teller, parts)
            if with_webui:
                install.ensure_webui(layout, teller)
            plugins = pipelines.install_loaders(layout)
            key = secret(layout.pipelines_key)
            parts += _parts(settings, layout, model, key)
            start(parts, teller)
            _demand_plugins(settings, layout, key, plugins)
            if with_webui:  # last: it keeps two cores busy for most of a minute, and the others need five seconds
                parts.append(_webui(settings, layout, key))
                start(parts, teller)
            _greet(settings, layout, teller, model, with_webui)
            watch(parts, teller)
        except KeyboardInterrupt:
            teller.say("\nStopping.")
        finally:
            processes.stop_all([part.child for part in parts if part.child])
            _stop_left(layout)  # one whose start was interrupted


def down(settings: Settings, console: Console) -> None:
    """Stop a running `up`, and whatever an `up` that was killed has left behind. Nothing else."""
    layout, teller = Layout(settings.data_dir), Teller(console)
    stopped = []
    if processes.stop_recorded(layout.run / "up.json", group=False, patience=4 * processes.PATIENCE):
        stopped.append("psylite up")
    stopped += _stop_left(layout)
    none = f"Nothing of ours is running in {layout.root}. To stop what has another data folder, set PSYLITE_DATA_DIR."
    teller.say(f"Stopped: {', '.join(stopped)}." if stopped else none)


def clean(settings: Settings, console: Console) -> None:
    """Stop everything and remove what was ever written to the data folder; other people's files in it stay, and all of
    one that was there before us."""
    down(settings, console)
    layout, teller = Layout(settings.data_dir), Teller(console)
    if not layout.root.exists():
        return
    if not is_own(layout.root) and any(layout.root.iterdir()):
        teller.say(f"{layout.root} was somebody's before it was ours, so nothing is removed. {_by_hand(layout)}")
        return
    teller.say(f"Removing {layout.root}; where models and Open WebUI are in it, this takes a minute or more …")
    for loader in bundled("pipelines").glob("*.py"):
        (layout.pipelines / loader.name).unlink(missing_ok=True)
        (layout.pipelines / "failed" / loader.name).unlink(missing_ok=True)
        shutil.rmtree(layout.pipelines / loader.stem, ignore_errors=True)
    shutil.rmtree(layout.pipelines / "__pycache__", ignore_errors=True)
    for path in (*layout.ours(), settings.index_dir, settings.own_snippets_dir, settings.webhook_salt):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for folder in (layout.pipelines / "failed", layout.pipelines, layout.root):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    left = sorted(path.name for path in layout.root.iterdir()) if layout.root.exists() else []
    teller.say(f"Kept in {layout.root}, not ours: {', '.join(left)}." if left else f"Removed {layout.root}.")


def _by_hand(layout: Layout) -> str:
    names = [path.name for path in (layout.pipelines, *layout.ours()) if path.exists()]
    return f"What may be ours there: {', '.join(names)}." if names else "None of ours is there."


def _get_model(settings: Settings, layout: Layout, teller: Teller, parts: list[Part]) -> ModelServer:
    """Decide which model answers, and fetch it where it is missing. An Ollama started here becomes a part.

    Whatever fails is said, and the start goes on: crisis replies need no model.
    """
    if settings.backend == "openai":
        return ModelServer(settings.openai_url, settings.model)
    url, model = settings.ollama_url.rstrip("/"), settings.model
    names = listing.of_ollama(url)
    if names is None:
        try:
            child = ollama.start_ollama(settings, layout)
        except StackError as error:
            child = None
            teller.say(str(error), "yellow")
        if child:
            again = partial(_ollama_again, settings, layout)
            parts.append(Part("Ollama", again, lambda: listing.of_ollama(url) is not None, 60, child, vital=False))
            names = listing.of_ollama(url)
    if names is not None:
        if listing.has(names, model):
            return ModelServer(url, model)
        try:
            ollama.fetch(settings, teller)
            return ModelServer(url, model)
        except StackError as error:
            teller.say(f"{error} The stand-in takes its place until the next start.", "yellow")
    else:
        teller.say(f"No Ollama answers at {url}, and none could be started: the stand-in takes its place.", "yellow")
    ports.demand_free(settings.standin_port, "the stand-in model", "PSYLITE_STANDIN_PORT")
    if not standin.is_ready(layout.standin):
        try:
            with teller.working("Stand-in model, 1.1 GB, once") as update:
                standin.ensure_model(layout.standin, update)
        except StackError as error:
            teller.say(f"{error} No model answers until the next start; whoever is in danger is answered.", "yellow")
    return ModelServer(f"http://127.0.0.1:{settings.standin_port}", standin.MODEL_NAME, standin=True)


def _ollama_again(settings: Settings, layout: Layout) -> Child:
    child = ollama.serve(settings, layout)  # without waiting for it, for others are watched meanwhile
    if child is None:
        raise StackError("Ollama has ended and can no longer be started.")
    return child


def _parts(settings: Settings, layout: Layout, model: ModelServer, key: str) -> list[Part]:
    """The stand-in, where it is needed, and the Pipelines server; neither waits for the other."""
    found = []
    if model.standin:
        command = [
            sys.executable, "-m", "psylite_pipeline.stack.standin", "serve", "--port", str(settings.standin_port),
            "--data-dir", str(layout.standin), "--name", standin.MODEL_NAME,
        ]  # fmt: skip
        # Passive: threads that spin while they wait would starve the judgement on a small machine.
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        found.append(
            Part(
                "stand-in model",
                lambda: processes.start("standin", command, environment, layout),
                lambda: listing.of_ollama(model.url, 2.0) is not None,
                300,
                vital=False,
            )
        )
    at = f"http://127.0.0.1:{settings.pipelines_port}"
    for_pipelines = pipelines.environment(settings, layout, key, model)
    found.append(
        Part(
            "Pipelines",
            lambda: processes.start("pipelines", pipelines.COMMAND, for_pipelines, layout),
            lambda: health.answers(f"{at}/ready", key),
            300,  # seconds, or minutes where the machine is busy; the judgement is loaded then
        )
    )
    return found


def _webui(settings: Settings, layout: Layout, key: str) -> Part:
    data = layout.webui_data(settings.accounts)
    data.mkdir(mode=0o700, exist_ok=True)
    environment = webui.environment(settings, layout, key, secret(layout.webui_secret), accounts=settings.accounts)
    return Part(
        "Open WebUI",
        lambda: processes.start("webui", webui.command(settings, layout), environment, layout, data),
        lambda: health.answers(f"http://127.0.0.1:{settings.webui_port}/health"),
        600,
    )


def _demand_plugins(settings: Settings, layout: Layout, key: str, plugins: list[str]) -> None:
    """Raise StackError when the server has not loaded one of our plugins: without them nobody is looked after."""
    there = listing.of_openai(f"http://127.0.0.1:{settings.pipelines_port}/v1", key) or []
    missing = sorted({*pipelines.failed(layout, plugins), *(name for name in plugins if name not in there)})
    if missing:
        words = processes.last_lines(layout.logs / "pipelines.log")
        raise StackError(
            f"The Pipelines server could not load {', '.join(missing)}. Run `.venv/bin/psylite doctor`. "
            f"The end of its log:\n{words}"
        )


def _greet(settings: Settings, layout: Layout, teller: Teller, model: ModelServer, with_webui: bool) -> None:
    if model.standin:
        teller.say(f"\n{_STANDIN_NOTICE}", "bold yellow")
    if with_webui:
        teller.say(f"\nOpen http://127.0.0.1:{settings.webui_port} and chat with PsyLite.", "bold")
    else:
        teller.say(f"\nPipelines answers at http://127.0.0.1:{settings.pipelines_port}; its key is in", "bold")
        teller.say(f"{layout.pipelines_key}. Add both to your Open WebUI as an OpenAI connection.", "bold")
    if faults := _faults(layout):
        many = "a fault" if faults == 1 else f"{faults} faults"
        teller.say(f"The log of the Pipelines server names {many}: run `.venv/bin/psylite doctor`.", "bold yellow")
    teller.say("Ctrl-C stops everything. After a lost terminal: make down")


def _faults(layout: Layout) -> int:
    """How many of our parts the Pipelines server found damaged as it loaded them."""
    log = processes.last_lines(layout.logs / "pipelines.log", 1000)
    return len(re.findall(r"^\S+ \S+ (?:WARNING|ERROR) psylite_pipeline\.", log, re.M))


def _demand_ports(settings: Settings, with_webui: bool) -> None:
    ports.demand_free(settings.pipelines_port, "the Pipelines server", "PSYLITE_PIPELINES_PORT")
    if with_webui:
        ports.demand_free(settings.webui_port, "Open WebUI", "PSYLITE_WEBUI_PORT")


def _sweep(layout: Layout, teller: Teller) -> None:
    stopped = _stop_left(layout)
    if stopped:
        teller.say(f"Stopped what an earlier start had left behind: {', '.join(stopped)}.")


def _stop_left(layout: Layout) -> list[str]:
    """Stop every recorded process but `up` itself; the names of those that still ran."""
    records = sorted(layout.run.glob("*.json")) if layout.run.is_dir() else []
    return [record.stem for record in records if record.name != "up.json" and processes.stop_recorded(record)]
