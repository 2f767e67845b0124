#!/usr/bin/env bash
# chain.sh OUT: mix → Llama → SFT → merge → ORPO → merge → InternLM2 → GGUF → q4_k_m → Modelfile on the tiny model, each
# step the real command.
# `make train-demo` calls it in its own environment; PSYLITE is the command, PSYLITE_LLAMA_CPP the folder of llama.cpp's tools.
set -euo pipefail
out=$1
here=$(dirname "$0")
psylite=${PSYLITE:-psylite}
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1  # the model is so small that threads would only wait for one another
mkdir -p "$out"
$psylite model mix --general "$here/general.jsonl" --counselling "$here/counselling.jsonl" --general-rows 16 \
    --counselling-rows 5 --evaluated "$here/../../evals/demo/cpsycoune.jsonl" --out "$out/mix.jsonl"
$psylite model pairs "$here/preferences.jsonl" --out "$out/pairs.jsonl"
[ -f "$out/base/model.safetensors" ] ||
    $python "$here/tiny.py" "$out/base" "$here/general.jsonl" "$here/counselling.jsonl" "$here/preferences.jsonl"
$psylite model llama "$out/base" --out "$out/llama"
# Stopped half-way and gone on with; the hook writes down each checkpoint, so that the verdict can tell.
sft=("$here/sft.yaml" --base "$out/llama" --rows "$out/mix.jsonl" --out "$out/sft")
sft+=(--set "hook=sh -c 'basename {checkpoint} >>\"\$0\"' '$out/sft/hook.txt'")
[ -d "$out/sft/checkpoints" ] || $psylite model train "${sft[@]}" --set steps=20
$psylite model train "${sft[@]}"
$psylite model merge --base "$out/llama" --adapter "$out/sft/adapter" --out "$out/sft-merged"
$psylite model train "$here/orpo.yaml" --base "$out/sft-merged" --rows "$out/pairs.jsonl" --out "$out/orpo"
$psylite model merge --base "$out/sft-merged" --adapter "$out/orpo/adapter" --out "$out/merged"
$psylite model internlm2 "$out/merged" --like "$out/base" --out "$out/internlm2"
PATH=$(realpath "$here/bin"):$PATH \
    $psylite model gguf "$out/internlm2" --out "$out/served" --example "$here/../Modelfile" --create psylite
$python "$here/verdict.py" "$out"
