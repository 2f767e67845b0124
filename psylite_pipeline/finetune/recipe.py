"""A stage of training as model/*.yaml writes it: every setting with its value (`is`) and its reason (`why`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from psylite_pipeline.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Recipe:
    """One stage. Lengths are tokens, `warmup` a share of all steps, `epochs` may be a part of one, `steps` 0 means as
    many as the epochs have, `beta` is ORPO's weight of the odds ratio (stage `orpo` only)."""

    stage: str
    quantise: str
    bf16: str
    rank: int
    alpha: int
    dropout: float
    targets: str
    learning_rate: float
    schedule: str
    warmup: float
    epochs: float
    steps: int
    length: int
    packing: str
    batch: int
    accumulation: int
    seed: int
    log_every: int
    save_every: int
    held_out: float
    beta: float = 0.0
    hook: str = ""


_CHOICES = {
    "stage": ("sft", "orpo"),
    "quantise": ("nf4", "none"),
    "bf16": ("auto", "off"),
    "packing": ("off", "wrapped", "bfd"),
}


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """The recipe in `path`, some values replaced. Raises RecipeError naming file, setting and what it must be."""
    import yaml

    try:
        table = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise RecipeError(f"{path} cannot be read as YAML ({type(error).__name__}).") from None
    kinds = get_type_hints(Recipe)
    values: dict[str, Any] = {}
    for name, entry in table.items():
        if name not in kinds:
            raise RecipeError(f"{path.name}: {name} is no setting; there are {', '.join(kinds)}.")
        if not isinstance(entry, dict) or set(entry) != {"is", "why"} or not str(entry["why"]).strip():
            raise RecipeError(f"{path.name}: {name} needs `is`, its value, and `why`, the reason for it.")
        values[name] = _as(kinds[name], entry["is"], path.name, name)
    for name, text in (overrides or {}).items():
        if name not in kinds:
            raise RecipeError(f"{name} is no setting; there are {', '.join(kinds)}.")
        values[name] = _as(kinds[name], text, "--set", name)
    if missing := [one.name for one in dataclasses.fields(Recipe) if one.default is dataclasses.MISSING
                   and one.name not in values]:  # fmt: skip
        raise RecipeError(f"{path.name}: {', '.join(missing)} is missing.")
    for name, choices in _CHOICES.items():
        if values[name] not in choices:
            raise RecipeError(f"{path.name}: {name} must be one of {', '.join(choices)}.")
    if values["stage"] == "orpo" and values["packing"] != "off":
        raise RecipeError(f"{path.name}: pairs cannot be packed; packing must be off.")
    return Recipe(**values)


def _as(kind: type, value: Any, file: str, name: str) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{file}: {name} must be of the kind {kind.__name__}.") from None
