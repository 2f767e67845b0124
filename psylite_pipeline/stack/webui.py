"""Open WebUI as a part of the stack: its environment, which holds everything it is told."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from psylite_pipeline.files import mended_json_object
from psylite_pipeline.opening import open_replies
from psylite_pipeline.replies import Notice, Replies
from psylite_pipeline.replies.last_resort import last_notice
from psylite_pipeline.settings import Preferences, Settings
from psylite_pipeline.stack.layout import Layout

DOOR = Path(__file__).with_name("webui_door.py")

# Nothing else of a person's environment reaches Open WebUI: it reads hundreds of names, and keys meant for others.
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")

_OFF = (
    "ENABLE_OLLAMA_API",  # with it any user talks to the raw model, past every judgement
    "ENABLE_PERSISTENT_CONFIG",  # else the first start's address and key would stay for ever
    "ENABLE_VERSION_UPDATE_CHECK",
    "ENABLE_EVALUATION_ARENA_MODELS",
    "ENABLE_TITLE_GENERATION",
    "ENABLE_TAGS_GENERATION",
    "ENABLE_FOLLOW_UP_GENERATION",
    "ENABLE_AUTOCOMPLETE_GENERATION",
    "ENABLE_SEARCH_QUERY_GENERATION",
    "ENABLE_RETRIEVAL_QUERY_GENERATION",
    "ENABLE_CONTEXT_COMPACTION",  # calls the model past the pipeline
    "ENABLE_MEMORY_BACKGROUND_REVIEW",  # the same
    "ENABLE_COMMUNITY_SHARING",
    "ENABLE_WEB_SEARCH",
    "ENABLE_CODE_INTERPRETER",
    "ENABLE_IMAGE_GENERATION",
    "ENABLE_DIRECT_CONNECTIONS",
    "ENABLE_AUTOMATIONS",  # talks that nobody is there to read
    "ENABLE_ADMIN_CHAT_ACCESS",  # with accounts: what people say here is theirs
    "ENABLE_ADMIN_EXPORT",
    "ANONYMIZED_TELEMETRY",
)


#: What the empty page offers to begin with, in place of Open WebUI's general ideas.
_SUGGESTIONS = [
    {"title": ["最近睡不好", "脑子停不下来"], "content": "最近总是睡不好，脑子停不下来"},
    {"title": ["今天有件开心的事", "想找人说说"], "content": "今天有件开心的事，想找人说说"},
    {"title": ["讲段相声吧", "让我笑一笑"], "content": "给我讲段相声吧，让我笑一笑"},
    {"title": ["I had a long day", "and need to talk"], "content": "I had a long day and need to talk"},
]

#: Languages of Open WebUI's page whose readers get the note in traditional characters.
TRADITIONAL = ("zh-TW", "zh-HK")


def command(settings: Settings, layout: Layout) -> list[str]:
    """How it is started, from its own environment."""
    return [str(layout.webui_venv / "bin" / "python"), str(DOOR), str(settings.webui_port)]


def environment(settings: Settings, layout: Layout, key: str, secret: str, *, accounts: bool) -> Mapping[str, str]:
    """Everything Open WebUI is told: one connection, one default model, no network, no background calls."""
    data = layout.webui_data(accounts)
    address = f"127.0.0.1:{settings.webui_port}"
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **dict.fromkeys(_OFF, "false"),
        "HOME": str(data),  # whatever it or its libraries put beside their data stays in our folder
        "XDG_CACHE_HOME": str(data / "cache"),
        "HF_HOME": str(data / "cache" / "huggingface"),
        "DATA_DIR": str(data),
        "WEBUI_SECRET_KEY": secret,
        "WEBUI_AUTH": "true" if accounts else "false",
        "ENABLE_SIGNUP": "false",  # the first account can be made all the same; its owner adds the others
        "DEFAULT_USER_ROLE": "user",
        "WEBUI_URL": f"http://{address}",
        "CORS_ALLOW_ORIGIN": f"http://{address};http://localhost:{settings.webui_port}",
        "OPENAI_API_BASE_URLS": f"http://127.0.0.1:{settings.pipelines_port}",
        "OPENAI_API_KEYS": key,
        "DEFAULT_MODELS": "psylite",
        "DEFAULT_INTERFACE_SETTINGS": json.dumps({"showChangelog": False}),  # nobody came to read Open WebUI's news
        "DEFAULT_PROMPT_SUGGESTIONS": json.dumps(_SUGGESTIONS, ensure_ascii=False),
        "WEBUI_BANNERS": json.dumps(_banners(settings, layout), ensure_ascii=False),
        "BYPASS_MODEL_ACCESS_CONTROL": "true",  # ordinary users see PsyLite without a grant
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "ollama",  # else it loads an embedding model from a hub at start
        "RAG_OLLAMA_BASE_URL": "http://127.0.0.1:9",  # nothing answers there
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "GLOBAL_LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        "PYTHON_DOTENV_DISABLED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def note(replies: Replies | None, region: str, chinese: str = "zh-Hans") -> str:
    """Which number to call where no answer comes, in Chinese and in English, in Open WebUI's Markdown.

    It stands on the empty page: while Pipelines is away only the host speaks, and its error names no number.
    """
    texts = [replies.notice(Notice.BANNER, lang=lang, region=region) for lang in (chinese, "en")] if replies else []
    return "<br>".join(texts or last_notice(Notice.BANNER).splitlines())


def _banners(settings: Settings, layout: Layout) -> list[dict[str, object]]:
    """The note as Open WebUI wants it. One that is not dismissible is back at the next visit."""
    replies, region = open_replies(settings), _region(layout)
    return [
        {
            "id": "psylite-numbers", "type": "info", "title": "", "dismissible": False, "timestamp": 0,
            "content": note(replies, region),
            "i18n": {locale: {"content": note(replies, region, "zh-Hant")} for locale in TRADITIONAL},
        }
    ]  # fmt: skip


def _region(layout: Layout) -> str:
    """The region of the valve as it was last saved; "auto" where none was, or nobody can read it."""
    try:
        saved = mended_json_object(layout.pipelines / "psylite" / "valves.json")
        return Preferences.model_validate({"region": saved.get("region")}).region
    except (OSError, ValueError):
        return "auto"
