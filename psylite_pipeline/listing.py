"""Which models a server has: asked past any proxy, as each turn goes; None where none answers."""

from __future__ import annotations

from collections.abc import Collection

import httpx


def of_ollama(url: str, seconds: float = 3.0) -> list[str] | None:
    """The names of the models that the Ollama at `url` has."""
    return _names(f"{url.rstrip('/')}/api/tags", ("models", "name"), "", seconds)


def of_openai(url: str, key: str, seconds: float = 5.0) -> list[str] | None:
    """The ids of the models behind OpenAI's protocol at `url`, which ends in /v1."""
    return _names(f"{url.rstrip('/')}/models", ("data", "id"), key, seconds)


def has(names: Collection[str], model: str) -> bool:
    """Whether `model` is among the names that an Ollama lists; without a tag it means `latest`."""
    return model in names or f"{model}:latest" in names


def _names(address: str, fields: tuple[str, str], key: str, seconds: float) -> list[str] | None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    models, name = fields
    try:
        answer = httpx.get(address, headers=headers, timeout=seconds, trust_env=False)
        return [str(model[name]) for model in answer.raise_for_status().json()[models]]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return None
