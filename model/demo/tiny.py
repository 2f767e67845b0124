"""tiny.py FOLDER FILE...: a random Llama of 1.7 million weights with a tokenizer learnt from the files.

It has what the real base model has: SentencePiece, ChatML marks as tokens, a chat template, widths for k-quants.
"""

import json
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, LlamaTokenizer

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path, files: list[Path]) -> None:
    """Write the model to `folder`. The same files give the same weights."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        text = Path(place) / "text.txt"
        text.write_text("\n".join(file.read_text(encoding="utf-8") for file in files), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(Path(place) / "tokenizer"), vocab_size=1024, model_type="bpe",
            character_coverage=1.0, byte_fallback=True, hard_vocab_limit=False, max_sentence_length=100_000,
            user_defined_symbols=["<|im_start|>", "<|im_end|>"], num_threads=1, minloglevel=2,
        )  # fmt: skip
        (folder / "tokenizer.model").write_bytes((Path(place) / "tokenizer.model").read_bytes())
    tokenizer = LlamaTokenizer.from_pretrained(str(folder), eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(str(folder))
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(str(folder))
    ids = AutoTokenizer.from_pretrained(str(folder))("<|im_end|>", add_special_tokens=False)["input_ids"]
    told = {"weights": model.num_parameters(), "tokens": len(tokenizer), "end of turn": ids}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
