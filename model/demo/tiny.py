"""tiny.py FOLDER FILE...: a random InternLM2 of 1.7 million weights with a tokenizer learnt from the files.

It has what the real base has and what makes it awkward: query, key and value in one matrix, code of its own named in
`auto_map`, ChatML marks that replace unused pieces of the SentencePiece model, widths for k-quants.
"""

import json
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = {"<unk>": 0, "<s>": 1, "</s>": 2, "<|im_start|>": 3, "<|im_end|>": 4}
HEADS, GROUPS, LAYERS, WIDTH, INNER = 4, 2, 2, 256, 512


def make(folder: Path, files: list[Path]) -> None:
    """Write the model to `folder`. The same files give the same weights."""
    folder.mkdir(parents=True, exist_ok=True)
    size = vocabulary(folder, files)
    config = {
        "architectures": ["InternLM2ForCausalLM"], "model_type": "internlm2", "bias": False, "hidden_act": "silu",
        "auto_map": {"AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM"}, "vocab_size": size,
        "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": GROUPS, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000,
        "rope_scaling": {"type": "dynamic", "factor": 2.0}, "tie_word_embeddings": False, "bos_token_id": 1,
        "eos_token_id": 2, "pad_token_id": 2,
    }  # fmt: skip
    write(folder / "config.json", config)
    shapes = {"model.tok_embeddings": (size, WIDTH), "model.norm": (WIDTH,), "output": (size, WIDTH)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        shapes[at + "attention.wqkv"] = ((HEADS + 2 * GROUPS) * WIDTH // HEADS, WIDTH)
        shapes[at + "attention.wo"] = (WIDTH, WIDTH)
        shapes |= {at + f"feed_forward.{one}": (INNER, WIDTH) for one in ("w1", "w3")}
        shapes[at + "feed_forward.w2"] = (WIDTH, INNER)
        shapes |= {at + one: (WIDTH,) for one in ("attention_norm", "ffn_norm")}
    torch.manual_seed(1)
    weights = {
        f"{name}.weight": torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * 0.02
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    told = {"weights": sum(one.numel() for one in weights.values()), "tokens": size}
    sys.stdout.write(json.dumps(told) + "\n")


def vocabulary(folder: Path, files: list[Path]) -> int:
    """Write the tokenizer, as InternLM2 has it; the number of its tokens."""
    with tempfile.TemporaryDirectory() as place:
        text = Path(place) / "text.txt"
        text.write_text("\n".join(file.read_text(encoding="utf-8") for file in files), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=1024, model_type="bpe",
            character_coverage=1.0, byte_fallback=True, hard_vocab_limit=False, max_sentence_length=100_000,
            user_defined_symbols=["[UNUSED_TOKEN_1]", "[UNUSED_TOKEN_2]"], add_dummy_prefix=False,
            remove_extra_whitespaces=False, normalization_rule_name="identity", num_threads=1, minloglevel=2,
        )  # fmt: skip
    (folder / "tokenizer.vocab").unlink()
    marks = {
        str(number): {"content": mark, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                      "special": True}
        for mark, number in MARKS.items()
    }  # fmt: skip
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    more = {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "clean_up_tokenization_spaces": False}
    own = {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]}
    write(folder / "tokenizer_config.json", {
        "tokenizer_class": "InternLM2Tokenizer", "auto_map": own, "added_tokens_decoder": marks, **names, **more,
        "chat_template": TEMPLATE,
    })  # fmt: skip
    write(folder / "special_tokens_map.json", {**names, **more})
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model")).vocab_size()


def write(path: Path, value: object) -> None:
    """`value` as JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
