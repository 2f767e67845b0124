"""Valves as the Pipelines page shows them: flat, with titles, none of them secret."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer, model_validator

from psylite_pipeline.files import mended_json_object, set_aside, write_whole
from psylite_pipeline.settings import Preferences, valve

log = logging.getLogger(__name__)

V = TypeVar("V", bound=BaseModel)


#: Valves that say how PsyLite answers, and when it tells a snippet.
_OF_THE_ANSWER = (
    "model", "show_snippet", "show_thinking", "reminder_every", "first_piece_seconds", "silence_seconds",
    "humour", "humour_every", "calm_turns",
)  # fmt: skip


def _without_the_answers(schema: dict[str, Any]) -> None:
    for name in _OF_THE_ANSWER:
        del schema["properties"][name]


class _Valves(Preferences):
    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, values: Any) -> Any:
        """A misspelt name among a few is refused: it would be passed over, and all that is left out reset. The page,
        and upstream as it reads a saved file, give every valve; names beside them are another version's."""
        names = set(cls.model_fields)
        if isinstance(values, dict) and names - set(values) and (unknown := sorted(set(values) - names)):
            raise ValueError(f"there is no valve {unknown[0]!r}; nothing was saved")
        return values

    @field_serializer("*")
    def _none_where_empty(self, value: Any) -> Any:
        """An empty text as None: the page makes an empty text a box that must be filled in before anything is saved."""
        return None if value == "" else value


class PipeValves(_Valves):
    """Valves of the model "PsyLite"."""


class FilterValves(_Valves):
    """Valves of the filter. The host insists on `pipelines` and `priority`. Those of the answer, which another model
    gives, are here as well and are not shown: nothing would come of turning them."""

    model_config = ConfigDict(json_schema_extra=_without_the_answers)

    pipelines: list[str] = valve(
        ["*"],
        "Models to guard · 守在哪些模型前面",
        "Ids of the models this filter stands in front of, separated by commas; *: all. PsyLite is skipped.",
        "模型的 id，用逗号隔开；*：全部。PsyLite 自己会跳过。",
    )
    priority: int = valve(
        0,
        "Priority · 次序",
        "-1000 to 1000. Filters run in ascending order of this number.",
        "-1000 到 1000。过滤器按这个数字从小到大依次运行。",
        ge=-1000,
        le=1000,
    )


def mend_saved_valves(loader_file: Path, valves: type[V]) -> None:
    """Make the saved valves of a loader file loadable, before the server reads them: it would refuse to start.

    A file that is not JSON is set aside as `valves.json.broken-1`, so is one with a field out of range, which falls
    back to its default. Each is logged in one sentence. Another encoding becomes plain UTF-8. Never raises.
    """
    saved = loader_file.parent / loader_file.stem / "valves.json"
    try:
        values = mended_json_object(saved)
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        _set_aside(saved)
        return
    try:
        valves(**{**valves().model_dump(), **values})  # as upstream will
        return
    except ValidationError as error:
        wrong = {str(one["loc"][0]): one["msg"] for one in error.errors() if one["loc"]}
    for name, problem in wrong.items():
        log.warning("%s: %s: %s. The default is used; set the valve again.", saved, name, problem)
        values.pop(name, None)
    with suppress(OSError):  # `psylite doctor` names it until somebody has seen to it
        set_aside(saved)
    _write(saved, json.dumps(values))


def _set_aside(saved: Path) -> None:
    try:
        broken = set_aside(saved)
    except OSError as error:
        log.warning("%s cannot be read and could not be set aside: %s.", saved, error)
        return
    log.warning("%s cannot be read; it is kept as %s and the defaults are used.", saved, broken.name)
    _write(saved, "{}")


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode())
    except OSError as error:
        log.warning("%s could not be written: %s.", path, error)
