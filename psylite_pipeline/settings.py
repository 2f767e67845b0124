"""What can be set: `Settings` from the environment (addresses, keys, folders), `Preferences` turn by turn (valves).

Addresses and keys are never preferences: a valve that moved the model's address could carry off every talk.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from psylite_pipeline.errors import SettingsError

# Read by the stand-in's process, by scripts and by tests.
_READ_ELSEWHERE = {"PSYLITE_OPENMP", "PSYLITE_LLAMA_CPP"}
_OF_TOOLS = ("PSYLITE_EVAL_", "PSYLITE_TEST_")

#: The model that is made from PSYLITE_WEIGHTS; any other is pulled by its own name.
OUR_MODEL = "psylite"
PSYLITE_WEIGHTS = "Juneup/internlm2.5_7b_distill:orpo_q4_k_m"


#: A name without a control character or a line break: it goes into requests, logs and messages.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

#: A number of a port.
Port = Annotated[int, Field(ge=1, le=65535)]


def _sendable(key: SecretStr) -> SecretStr:
    stripped = key.get_secret_value().strip()  # a file of Windows ends its lines otherwise
    if not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("a key is sent in a header, which takes ASCII alone")
    return SecretStr(stripped)


Key = Annotated[SecretStr, AfterValidator(_sendable)]


def valve(default: Any, title: str, english: str, chinese: str, **limits: Any) -> Any:
    """A field of Preferences, as the host's page shows it: a title, and in both languages what it does."""
    return Field(default=default, title=title, description=f"{english}\n{chinese}", **limits)


class Preferences(BaseModel):
    """How turns are judged and answered. `None`, blank texts and lists of them mean the default: the host's page posts
    such for a valve that is not set."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model: str = valve(
        "",
        "Model · 模型",
        "Name of the Ollama model that answers. None: the server's own (PSYLITE_MODEL).",
        "回答用的 Ollama 模型的名字。设为“无”：用服务器自己的（PSYLITE_MODEL）。",
        max_length=200,
        pattern=_ONE_LINE,
    )
    sensitivity: Literal["standard", "high"] = valve(
        "standard",
        "Sensitivity · 灵敏度",
        "High: a fainter sign is enough for a careful reply, or a crisis reply. The rules always apply.",
        "high：更轻的迹象就会得到更小心的回答或危机回应。规则始终有效。",
    )
    humour: bool = valve(
        True,
        "Humour · 幽默",
        "Offer crosstalk when the talk is safe and light.",
        "谈话安全、轻松的时候，附上一小段相声。",
    )
    humour_every: int = valve(
        3,
        "Humour at most every N turns · 相声至少隔几轮",
        "1 to 50. Turns from one snippet to the next; somebody who asks for a joke does not wait.",
        "1 到 50。从一段相声到下一段至少隔几轮；主动要听笑话的人不用等。",
        ge=1,
        le=50,
    )
    calm_turns: int = valve(
        4,
        "Calm turns before humour returns · 平静几轮后才再有幽默",
        "1 to 20. Turns without risk, grief, fear or anger that must pass first.",
        "1 到 20。要先过去几轮没有危险、悲伤、害怕和愤怒的话。",
        ge=1,
        le=20,
    )
    show_snippet: bool = valve(
        True,
        "Show the snippet · 显示相声原文",
        "Put the snippet in a folded block under the reply. Off: the model may still borrow its idea.",
        "把相声放在回答下面的折叠块里，并标明出处。关掉：模型仍可能借用它的意思。",
    )
    show_thinking: bool = valve(
        True,
        "Show thinking · 显示思考",
        "Show the model's reasoning, folded. It is always hidden while somebody may be at risk.",
        "折叠显示模型的思考。有人可能有危险时始终隐藏。",
    )
    region: Literal["auto", "CN", "HK", "TW", "SG", "US", "CA", "GB", "IE", "AU", "IN", "EU", "INTL"] = valve(
        "auto",
        "Region of the helplines · 热线的地区",
        "Auto: where the person says they are, else by the language. INTL: an international directory.",
        "auto：按对方说自己在哪里，没说就按谈话的语言。INTL：国际热线目录。",
    )
    language: Literal["auto", "zh-Hans", "zh-Hant", "en"] = valve(
        "auto",
        "Language of fixed replies · 固定回复的语言",
        "Auto: the language the person writes.",
        "auto：对方写什么语言就用什么语言。",
    )
    judge: Literal["off", "unsure", "always"] = valve(
        "off",
        "Model as second judge · 由模型再判断一次",
        "Ask a model too: never, when unsure, or at every turn. Needs 7B or more; a turn takes longer.",
        "再问一次模型。off：从不；unsure：拿不准的时候；always：每一轮。需要 7B 以上的模型，会多花时间。",
    )
    judge_model: str = valve(
        "",
        "Model that judges · 做判断的模型",
        "None: the one that answers as PsyLite.",
        "设为“无”：用 PsyLite 回答时用的那个。",
        max_length=200,
        pattern=_ONE_LINE,
    )
    judge_seconds: float = valve(
        8.0,
        "Deadline of the judge (seconds) · 判断的时限（秒）",
        "0.5 to 120. Too late counts as the safer answer.",
        "0.5 到 120。超时就按更安全的处理。",
        ge=0.5,
        le=120,
    )
    reminder_every: int = valve(
        20,
        "Remind that this is an AI every N turns · 每隔几轮提醒这是 AI",
        "0 to 500; 0: never.",
        "0 到 500；0：从不。",
        ge=0,
        le=500,
    )
    first_piece_seconds: float = valve(
        300.0,
        "Deadline for the first words (seconds) · 第一句话的时限（秒）",
        "5 to 1800. A laptop without a GPU may read a long talk for minutes.",
        "5 到 1800。没有显卡的笔记本读一段长对话可能要几分钟。",
        ge=5,
        le=1800,
    )
    silence_seconds: float = valve(
        60.0,
        "Deadline for silence within a reply (seconds) · 回答中途沉默的时限（秒）",
        "2 to 600. Longer than this, and the answer ends with a sentence that says so.",
        "2 到 600。超过了，回答就以一句说明结束。",
        ge=2,
        le=600,
    )

    @model_validator(mode="before")
    @classmethod
    def _blank_means_default(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        stripped = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
        return {key: value for key, value in stripped.items() if not _blank(value)}


class Settings(BaseSettings):
    """What the environment sets. Every name is documented in docs/reference.md."""

    model_config = SettingsConfigDict(env_prefix="PSYLITE_", extra="ignore", env_ignore_empty=True, frozen=True)

    ollama_url: str = Field(
        default="http://127.0.0.1:11434",
        validation_alias="OLLAMA_BASE_URL",
        description="Address of Ollama.",
    )
    backend: Literal["ollama", "openai"] = Field(
        default="ollama", description="What serves the model: Ollama, or a server with the protocol of OpenAI (vLLM)."
    )
    openai_url: str = Field(
        default="http://127.0.0.1:8000/v1", description="Address of that server, with its /v1. Not used with Ollama."
    )
    openai_key: Key = Field(
        default=SecretStr(""), description="Its key, if it asks for one. Never a valve, never logged."
    )
    model: str = Field(default=OUR_MODEL, description="Name of the model that answers, where the valve is empty.")
    weights: str = Field(default=PSYLITE_WEIGHTS, description="What Ollama pulls to create the model `psylite`.")
    num_ctx: int = Field(default=4096, ge=1024, le=131072, description="Context window asked of Ollama, in tokens.")
    keep_alive: str = Field(default="30m", description="How long Ollama keeps the model in memory after a turn.")
    standin: bool = Field(default=False, description="Set by `psylite up` when the model is only a stand-in.")
    encoder: str = Field(
        default="bundled",
        description="`bundled`, or a sentence-transformers model: a folder, a package, or a name already here.",
    )
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("psylite", appauthor=False)),
        description="Indexes, keys, logs, the stand-in model and Open WebUI's data.",
    )
    knowledge_dir: Path = Field(
        default_factory=lambda: bundled("knowledge"),
        description="Lexicon, replies, helplines, crosstalk.",
    )
    snippets_dir: Path | None = Field(default=None, description="A further folder of an admin's own crosstalk files.")
    pipelines_port: Port = Field(default=9099, description="Port of the Pipelines server.")
    pipelines_host: str = Field(
        default="127.0.0.1", description="Address the Pipelines server binds to. Inside a container: 0.0.0.0."
    )
    allowed_hosts: str = Field(
        default="", description="Names, separated by commas, by which others reach the Pipelines server."
    )
    accounts: bool = Field(
        default=False, description="Open WebUI asks for accounts and passwords. Off: one person on their own laptop."
    )
    webhook: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        max_length=2000,
        description="Address that is told when somebody may be in danger: route, level, time, never a word.",
    )
    webhook_level: Literal["concern", "high", "imminent"] = Field(
        default="high", description="The least level that is told to PSYLITE_WEBHOOK."
    )
    webui_port: Port = Field(default=8080, description="Port of Open WebUI.")
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the metrics for Prometheus, on 127.0.0.1 alone. 0: none."
    )
    standin_port: Port = Field(default=11435, description="Port of the stand-in model.")

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Read the environment. Raises SettingsError naming the variable and what it must be."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            name = name if name.isupper() else f"PSYLITE_{name.upper()}"
            address = "pattern" in first["type"]
            says = "Must begin with http:// or https://" if address else first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{name}: {says}. Correct it in the environment, or unset it.") from None

    @property
    def index_dir(self) -> Path:
        """Where retrieval indexes are kept."""
        return self.data_dir / "index"

    @property
    def own_snippets_dir(self) -> Path:
        """Where `psylite index --add` writes."""
        return self.data_dir / "snippets"

    @property
    def webhook_salt(self) -> Path:
        """What the ids of talks are hashed with where a human is told."""
        return self.data_dir / "webhook.salt"


def _blank(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(text is None or (isinstance(text, str) and not text.strip()) for text in texts)


def misspelt(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that begins like ours and that nothing reads, with the nearest name that is read."""
    known = {f"PSYLITE_{name.upper()}" for name in Settings.model_fields} | _READ_ELSEWHERE
    found = []
    for name in sorted(environment):
        if not name.startswith("PSYLITE_") or name in known or name.startswith(_OF_TOOLS):
            continue
        field = name.removeprefix("PSYLITE_").lower()
        if field in Preferences.model_fields:
            found.append(
                f"{name} is set and nothing reads it: {field} is a valve, in Admin Panel > Settings > Pipelines."
            )
        else:
            nearest = get_close_matches(name, known, n=1)
            found.append(f"{name} is set and nothing reads it." + (f" Is {nearest[0]} meant?" if nearest else ""))
    return found


def bundled(name: str) -> Path:
    """The path of a data folder inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
