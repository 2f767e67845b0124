"""Whether a part answers over HTTP."""

from __future__ import annotations

import httpx


def answers(url: str, key: str = "", seconds: float = 2.0) -> bool:
    """Whether `GET url` gives 200 within `seconds`. Goes past any proxy: the parts are on this machine."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.get(url, headers=headers, timeout=seconds, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def models(url: str, key: str, seconds: float = 5.0) -> list[str]:
    """The ids of the models that a server with OpenAI's protocol lists; empty when it does not answer."""
    try:
        answer = httpx.get(
            f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=seconds, trust_env=False
        )
        return [str(model["id"]) for model in answer.json()["data"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return []
