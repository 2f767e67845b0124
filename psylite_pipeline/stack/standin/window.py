"""What is left of a conversation that is too long, cut as silently as Ollama cuts it."""

from __future__ import annotations

from collections.abc import Sequence

from psylite_pipeline.stack.standin.backend import Backend, Message

KEEP = 4  # tokens at the start of a prompt that survive the last resort; Ollama's num_keep
REPLY_ROOM = 256  # tokens of the model's context that a prompt never takes


async def fit(backend: Backend, messages: Sequence[Message], num_ctx: int) -> list[int]:
    """The prompt in at most `num_ctx` tokens (and what the model can hold).

    Old messages go first, the oldest of them first; system messages and the last message stay. If those alone are too
    long, the first KEEP tokens and half a window from the end are what the model sees: from a recorded prompt of
    about 3,000 tokens a window of 512 left 259.
    """
    window = max(KEEP * 2, min(num_ctx, backend.context - REPLY_ROOM))
    tokens = await backend.prompt(messages)
    if len(tokens) <= window:
        return tokens
    old = [at for at, message in enumerate(messages[:-1]) if message["role"] != "system"]
    fewest, most = 0, len(old)
    while fewest < most:  # the fewest old messages to drop so that the rest fits, or all of them
        middle = (fewest + most) // 2
        if len(await backend.prompt(_without(messages, old[:middle]))) <= window:
            most = middle
        else:
            fewest = middle + 1
    tokens = await backend.prompt(_without(messages, old[:fewest]))
    if len(tokens) <= window:
        return tokens
    return tokens[:KEEP] + tokens[-(window // 2 - 1) :]


def _without(messages: Sequence[Message], dropped: Sequence[int]) -> list[Message]:
    gone = set(dropped)
    return [message for at, message in enumerate(messages) if at not in gone]
