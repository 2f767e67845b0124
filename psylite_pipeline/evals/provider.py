"""What inspect-ai calls: a model alone, or the same model with the pipeline in front.

`system("ollama:psylite", pipeline=True)` gives an inspect Model. Each reply carries, as metadata, where the pipeline
sent the turn; never more of a decision than its route and level.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import anyio.to_thread
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.errors import ModelAway, ModelTimeout
from psylite_pipeline.evals.endpoint import Address, Endpoint, Reply, Sampling, Watched
from psylite_pipeline.model import Words
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Preferences, Settings, bundled


@dataclass(frozen=True, slots=True)
class System:
    """One column of the report: a model, alone or behind the pipeline. `digest` is that of the weights."""

    address: Address
    pipeline: bool
    sampling: Sampling
    digest: str

    @property
    def label(self) -> str:
        """As the report names it."""
        return f"{self.address.name} + pipeline" if self.pipeline else self.address.name

    @property
    def slug(self) -> str:
        """As files are named after it; the digest keeps two models of one name apart."""
        plain = "".join(char if char.isalnum() or char in "-_." else "-" for char in self.address.name).strip(".")
        short = hashlib.sha256(f"{self.address}{self.digest}".encode()).hexdigest()[:8]
        return f"{plain}-{short}-pipeline" if self.pipeline else f"{plain}-{short}"

    @property
    def scope(self) -> dict[str, str]:
        """What an answer depends on besides the messages: the key of the cache. A changed pipeline asks anew."""
        return {"weights": self.digest, "pipeline": pipeline_digest() if self.pipeline else "", **_text(self.sampling)}

    def model(self, at_once: int) -> Model:
        """The inspect model: so many calls at once, and a call that finds the server away or busy tried four times."""
        return get_model(
            f"psylite/{self.slug}",
            config=GenerateConfig(max_connections=at_once, max_retries=3),
            memoize=False,
            endpoint=Endpoint(self.address, self.sampling),
            pipeline=self.pipeline,
        )


@modelapi(name="psylite")
class PsyLiteAPI(ModelAPI):
    """The provider `psylite`: blocking calls in threads, as many at once as inspect's connection limit allows."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  inspect's own signature
        *,
        endpoint: Endpoint,
        pipeline: bool = False,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self._endpoint, self._pipeline = endpoint, pipeline

    @cached_property
    def _answer(self) -> Answer:
        """Opened at the first question: to score answers, inspect makes the model anew, without an endpoint."""
        return answerer(self._endpoint, pipeline=self._pipeline)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """See ModelAPI."""
        messages = [{"role": message.role, "content": message.text} for message in input]
        schema = config.response_schema.json_schema.model_dump(exclude_none=True) if config.response_schema else None
        reply, told = await anyio.to_thread.run_sync(self._answer, messages, schema, config.seed or 0)
        output = _output(self.model_name, reply)
        output.metadata = dict(told)
        return output

    def should_retry(self, ex: Exception) -> bool:
        """A server that is away or busy may come back; a broken answer stays broken."""
        return isinstance(ex, (ModelAway, ModelTimeout))


Answer = Callable[[list[dict[str, str]], dict | None, int], tuple[Reply, Mapping[str, str]]]


def answerer(endpoint: Endpoint, *, pipeline: bool) -> Answer:
    """What answers messages: the model itself, or the pipeline that speaks through it. May raise ModelError."""
    if pipeline:
        return _behind_pipeline(endpoint)
    return lambda messages, schema, attempt: (endpoint.chat(messages, schema, attempt), {})


def _behind_pipeline(endpoint: Endpoint) -> Answer:
    model = Watched(endpoint.address, endpoint.sampling)
    counsellor: Counsellor = open_counsellor(Settings.load(num_ctx=endpoint.sampling.num_ctx), model)
    preferences = Preferences(show_thinking=False)
    counsellor.warm_up()

    def answer(messages: list[dict[str, str]], schema: dict | None, attempt: int) -> tuple[Reply, Mapping[str, str]]:
        talk = Conversation.from_body({"messages": messages})
        decision = counsellor.decide(talk, preferences)
        pieces = counsellor.reply(talk, decision, preferences)
        text = "".join(piece.text for piece in pieces if isinstance(piece, Words))
        if failed := model.failure():
            raise failed
        return Reply(text.strip()), {"route": decision.route.value, "risk": decision.risk.label}

    return answer


def _output(model: str, reply: Reply) -> ModelOutput:
    output = ModelOutput.from_message(
        ChatMessageAssistant(content=reply.text, model=model, source="generate"),
        stop_reason="stop" if reply.whole else "max_tokens",
    )
    output.model = model
    output.usage = ModelUsage(
        input_tokens=reply.read, output_tokens=reply.written, total_tokens=reply.read + reply.written
    )
    return output


def pipeline_digest() -> str:
    """SHA-256 over the package's own code and knowledge: what decides about an answer besides the model."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for root, pattern in ((package, "*.py"), (bundled("knowledge"), "*")):
        for path in sorted(root.rglob(pattern)):
            outside = path.relative_to(root).parts[0] in {"evals", "training", "finetune", "stack", "host"}
            if path.is_file() and path.suffix != ".pyc" and not outside:
                digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _text(sampling: Sampling) -> dict[str, str]:
    return {name: str(getattr(sampling, name)) for name in Sampling.__slots__}
