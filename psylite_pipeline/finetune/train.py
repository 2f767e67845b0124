"""One stage of training with trl on a peft adapter: QLoRA on a GPU, plain LoRA on a CPU. Needs [train-model]."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import RecipeError
from psylite_pipeline.finetune.recipe import Recipe


def train(recipe: Recipe, model: str, rows: Path, out: Path) -> dict[str, Any]:
    """Train on `rows` (as `model mix`, `reason` or `pairs` write them) and save the adapter in `out`/adapter.

    `model` is a folder, or a name that is here already. A run that was stopped goes on from its last checkpoint. Writes
    `curves.png` and `history.json` beside. Returns the last figures. Raises RecipeError.
    """
    import torch
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

    set_seed(recipe.seed)
    bf16 = recipe.bf16 == "auto" and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    fp16 = recipe.bf16 == "auto" and torch.cuda.is_available() and not bf16
    tokenizer = AutoTokenizer.from_pretrained(model)
    if tokenizer.chat_template is None:
        raise RecipeError(f"{model} has no chat template: it is no chat model, or its tokenizer is incomplete.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    base = AutoModelForCausalLM.from_pretrained(
        model,
        dtype=torch.bfloat16 if bf16 else torch.float16 if fp16 else torch.float32,
        quantization_config=_quantisation(recipe, torch.bfloat16 if bf16 else torch.float16),
        device_map={"": 0} if torch.cuda.is_available() else None,
    )
    base.config.use_cache = False
    found: Any = load_dataset("json", data_files=str(rows), split="train", cache_dir=str(out / "cache"))
    found = found.select_columns([name for name in found.column_names if name not in {"id", "kind"}])
    parts = found.train_test_split(recipe.held_out, seed=recipe.seed) if recipe.held_out else {"train": found}
    trainer = _trainer(recipe, base, tokenizer, parts, out, bf16=bf16, fp16=fp16)
    if recipe.hook:
        trainer.add_callback(_hook(recipe.hook))
    trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    trainer.save_model(str(out / "adapter"))
    tokenizer.save_pretrained(str(out / "adapter"))
    history = trainer.state.log_history
    if torch.cuda.is_available():
        history.append({"peak_gpu_gb": round(torch.cuda.max_memory_reserved() / 1e9, 2)})
    told = {"recipe": asdict(recipe), "model": model, "rows": rows.name, "history": history}
    (out / "history.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    curves(history, out / "curves.png")
    return {key: value for entry in history for key, value in entry.items()}


def _quantisation(recipe: Recipe, compute: Any) -> Any:
    if recipe.quantise == "none":
        return None
    import torch
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available():
        raise RecipeError("nf4 needs an NVIDIA GPU and bitsandbytes; on a CPU use --set quantise=none.")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
    )


def _trainer(recipe: Recipe, base: Any, tokenizer: Any, parts: Any, out: Path, *, bf16: bool, fp16: bool) -> Any:
    import torch
    from peft import LoraConfig

    adapter = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=recipe.targets if recipe.targets == "all-linear" else recipe.targets.split(),
        task_type="CAUSAL_LM",
    )
    common: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup,  # below 1 it is a share of all steps
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.steps or -1,
        "max_length": recipe.length,
        "per_device_train_batch_size": recipe.batch,
        "per_device_eval_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "gradient_checkpointing": torch.cuda.is_available(),
        "optim": "paged_adamw_8bit" if recipe.quantise == "nf4" else "adamw_torch",
        "bf16": bf16,
        "fp16": fp16,
        "use_cpu": not torch.cuda.is_available(),
        "seed": recipe.seed,
        "logging_steps": recipe.log_every,
        "save_steps": recipe.save_every,
        "save_total_limit": 2,
        "eval_strategy": "steps" if "test" in parts else "no",
        "eval_steps": recipe.save_every,
        "report_to": [],
    }
    data = {"train_dataset": parts["train"], "eval_dataset": parts.get("test")}
    if recipe.stage == "sft":
        from trl import SFTConfig, SFTTrainer

        packed = recipe.packing != "off"
        strategy = {"packing_strategy": recipe.packing} if packed else {}
        # The prompt is context: the loss is on the answer alone, reasoning included.
        args = SFTConfig(**common, packing=packed, eval_packing=False, completion_only_loss=True, **strategy)
        return SFTTrainer(model=base, args=args, processing_class=tokenizer, peft_config=adapter, **data)
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    config = ORPOConfig(**common, beta=recipe.beta, remove_unused_columns=False)
    return ORPOTrainer(model=base, args=config, processing_class=tokenizer, peft_config=adapter, **data)


def _hook(command: str) -> Any:
    """Runs `command` after every checkpoint, {checkpoint} filled in; a failing one is reported and stops nothing."""
    from transformers import TrainerCallback
    from transformers.utils import logging

    class Hook(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            place = str(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            words = [word.replace("{checkpoint}", place) for word in shlex.split(command)]
            code = subprocess.run(words, check=False).returncode
            if code:
                logging.get_logger(__name__).warning("The evaluation hook ended with %d.", code)

    return Hook()


def _last_checkpoint(out: Path) -> str | None:
    places = sorted((out / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[-1]))
    return str(places[-1]) if places else None


def curves(history: list[dict[str, float]], path: Path) -> None:
    """Loss, learning rate and, of ORPO, the margin and accuracy of the better answer, over the steps, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [
        ("loss", ("loss", "eval_loss", "nll_loss")),
        ("margin of the better answer", ("rewards/margins", "eval_rewards/margins")),
        ("better answer preferred", ("rewards/accuracies", "eval_rewards/accuracies")),
        ("learning rate", ("learning_rate",)),
    ]
    there = [(title, keys) for title, keys in shown if any(key in entry for entry in history for key in keys)]
    drawing, all_axes = pyplot.subplots(
        1, len(there), figsize=(4.2 * len(there), 3.2), layout="constrained", squeeze=False
    )
    for axes, (title, keys) in zip(all_axes[0], there, strict=True):
        for key in keys:
            points = [(entry["step"], float(entry[key])) for entry in history if key in entry]
            if points:
                axes.plot(*zip(*points, strict=True), label=key)
        axes.set(title=title, xlabel="step")
        axes.legend(frameon=False, fontsize="small")
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)
