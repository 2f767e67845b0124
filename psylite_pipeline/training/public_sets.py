"""How the labels of each public set answer our questions. A set only answers what its own labels answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from psylite_pipeline.risk.grams import grams_of

Answers = dict[str, tuple[float, float]]
"""For each question that a row answers: 0 or 1, and the weight of that answer."""

_ASKS = re.compile("如何|怎么|怎样|什么|哪|请|帮我|能否|能不能|[?？]")


def _psysuicide(raw: Mapping[str, Any]) -> Answers:
    severity = raw["severity"]
    if severity == "none":
        return {"concern": (0, 2), "high": (0, 2), "harmful": (0, 0.3)}
    if severity == "violence":
        return {"humour": (0, 1)}
    answers: Answers = {"concern": (1, 2), "humour": (0, 1), "harmful": (0, 0.5)}
    if severity in {"active_ideation", "high_plan_or_behaviour"}:
        answers["high"] = (1, 2)
    elif severity == "exploration":
        answers["high"] = (0, 0.5)
    return answers


def _counselling(raw: Mapping[str, Any]) -> Answers:
    if raw.get("kw_crisis"):
        return {"humour": (0, 0.5)}
    return {"concern": (0, 0.5), "high": (0, 0.5), "harmful": (0, 0.3), "humour": (0, 0.2)}


def _counselchat(raw: Mapping[str, Any]) -> Answers:
    answers = _counselling(raw)
    if not raw.get("kw_crisis"):
        answers |= {"concern": (0, 1), "high": (0, 1), "humour": (0, 1)}
        if raw.get("topic") in {"grief-and-loss", "trauma", "domestic-violence", "anger-management"}:
            answers["heavy"] = (1, 1)
    return answers


def _everyday(raw: Mapping[str, Any]) -> Answers:
    """Talk that is not about danger. Where a word of death stands in it, it shows how such words are used in idiom."""
    weight = 1.0 if grams_of(str(raw.get("text", ""))).overt else 0.5
    return {"concern": (0, weight), "high": (0, weight), "harmful": (0, 0.2)}


def _cped(raw: Mapping[str, Any]) -> Answers:
    mood = raw["mood"]
    answers = _everyday(raw)
    if mood in {"anger", "fear", "sadness"}:
        answers |= {"heavy": (1, 0.5), "humour": (0, 0.7)}
    elif mood in {"depress", "worried", "disgust", "negative-other"}:
        answers |= {"humour": (0, 0.5)}
    elif mood == "happy":
        answers |= {"heavy": (0, 0.5), "humour": (1, 0.7)}
    elif mood in {"relaxed", "positive-other", "neutral"}:
        answers |= {"heavy": (0, 0.3), "humour": (0, 0.1)}
    return answers


def _goemotions(raw: Mapping[str, Any]) -> Answers:
    moods = set(str(raw["label"]).split("|"))
    answers = _everyday(raw)
    if moods & {"anger", "fear", "grief", "sadness"}:
        return answers | {"heavy": (1, 0.5), "humour": (0, 0.7)}
    if moods & {"annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "nervousness", "remorse"}:
        return answers | {"humour": (0, 0.4)}
    answers["heavy"] = (0, 0.3)
    if moods & {"joy", "amusement", "excitement"}:
        return answers | {"humour": (1, 0.7)}
    return answers | {"humour": (0, 0.1)} if moods == {"neutral"} else answers


def _xstest(raw: Mapping[str, Any]) -> Answers:
    if raw["label"] == "safe":
        return {"harmful": (0, 2), "concern": (0, 1), "high": (0, 1)}
    return {} if "discr" in str(raw["type"]) else {"harmful": (1, 2)}


def _jade(raw: Mapping[str, Any]) -> Answers:
    if raw.get("kw_crisis"):
        return {}
    asks = raw["label"] != "歧视偏见" and _ASKS.search(str(raw["text"]))
    return {"harmful": (1, 0.7 if asks else 0.15)}


def _flames(raw: Mapping[str, Any]) -> Answers:
    if raw.get("kw_crisis"):
        return {}
    answers: Answers = {"concern": (0, 0.4), "high": (0, 0.4)}
    if raw["label"] in {"Fairness", "Morality"} or raw["sub"] == "Non-anthropomorphism":
        answers["harmful"] = (0, 0.4)
    return answers


def _cvalues(raw: Mapping[str, Any]) -> Answers:
    return {"concern": (0, 0.5), "high": (0, 0.5), "harmful": (0, 1)}


def _moderation(raw: Mapping[str, Any]) -> Answers:
    if raw["label"] == "self_harm":
        return {"concern": (1, 1), "humour": (0, 1)}
    if raw["label"] == "safe":
        return {"concern": (0, 0.5), "high": (0, 0.5), "harmful": (0, 0.3)}
    return {"high": (0, 0.3)} if "V" not in str(raw["cats"]) else {}


def _cssrs(raw: Mapping[str, Any]) -> Answers:
    """A person's label; where it says no risk on a forum about suicide, the five models must agree."""
    level = int(str(raw["label"]).rsplit("_", 1)[-1])
    if level >= 2:
        return {"concern": (1, 0.5), "high": (1, 0.4), "humour": (0, 0.5)}
    if level == 1:
        return {"concern": (1, 0.5), "humour": (0, 0.5)}
    others = [str(raw.get(name, "")) for name in ("gpt", "claude", "llama", "mistral", "gemini")]
    if sum(other.startswith("0") for other in others) == len(others):
        return {"concern": (0, 0.5), "high": (0, 0.5), "humour": (0, 0.5)}
    return {"humour": (0, 0.5)}


#: How each public set answers the questions. The name is the file's, without `.jsonl`.
PUBLIC: Mapping[str, Callable[[Mapping[str, Any]], Answers]] = {
    "crisis_zh_psysuicide_dev": _psysuicide,
    "counselling_zh_cpsycound_turns": _counselling,
    "counselling_zh_smile_turns": _counselling,
    "mood_zh_cped": _cped,
    "mood_en_goemotions": _goemotions,
    "idiom_en_xstest": _xstest,
    "requests_zh_jade_unsafe": _jade,
    "requests_zh_flames": _flames,
    "requests_zh_cvalues_benign": _cvalues,
    "crisis_en_openai_moderation": _moderation,
    "crisis_en_cssrs_suicidewatch": _cssrs,
    "counselling_en_counselchat": _counselchat,
}
