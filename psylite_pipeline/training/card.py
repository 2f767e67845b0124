"""Writes the model card: what the weights were made of, how good they are, and where they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from psylite_pipeline.risk.turn_assessment import Thresholds
from psylite_pipeline.training.figures import Line

#: For each public set: licence, and the repository and commit where a stranger gets it.
SOURCES: Mapping[str, tuple[str, str]] = {
    "crisis_zh_psysuicide_dev": ("MIT", "github.com/qiuhuachuan/PsyGUARD at e16397b, development split"),
    "counselling_zh_cpsycound_turns": ("CC-BY-4.0", "github.com/CAS-SIAT-XinHai/CPsyCoun at 1954f2e, client turns"),
    "counselling_zh_smile_turns": ("CC0-1.0", "github.com/qiuhuachuan/smile at 9f8afc0, client turns"),
    "mood_zh_cped": ("Apache-2.0", "github.com/scutcyr/CPED at 1e4b81c, utterances with emotion"),
    "mood_en_goemotions": ("Apache-2.0", "github.com/monologg/GoEmotions-pytorch at b75f9d3, test split"),
    "idiom_en_xstest": ("CC-BY-4.0", "github.com/paul-rottger/exaggerated-safety at d7bb5bd"),
    "requests_zh_jade_unsafe": ("MIT", "github.com/whitzard-ai/jade-db at 812de63, JADE 2.0 easy and medium"),
    "requests_zh_flames": ("Apache-2.0", "github.com/AIFlames/Flames at 234bcb7"),
    "requests_zh_cvalues_benign": ("Apache-2.0", "github.com/X-PLUG/CValues at 3018d38, responsibility questions"),
    "crisis_en_openai_moderation": ("MIT", "github.com/openai/moderation-api-release at f4ab51b"),
    "crisis_en_cssrs_suicidewatch": ("CC-BY-4.0", "github.com/av9ash/llm_cssrs_code at 951522c, human labels"),
    "counselling_en_counselchat": ("MIT", "github.com/nbertagnolli/counsel-chat at e202e19"),
    "own": ("Apache-2.0", "knowledge/risk/turns in this project, written for it"),
}

_INTENDED = """\
# Model card: the PsyLite risk classifier

It helps `psylite_pipeline.risk.assess` judge one turn of a counselling talk in Chinese or English. For each turn it
gives seven probabilities: at least concern, at least high, a harmful request, a joke would fit, a heavy mood (grief,
fear, anger, illness, trauma), that an answer to a direct question about danger admits it, and an emergency (sudden
illness, an injury, fire, gas). It works together with the lexicon and raises what the lexicon says; it may doubt rules
of concern and words in quotation marks, never plain words of danger.

**Intended use:** choosing the next turn's route in this pipeline. **Not for:** diagnosis, screening of people, ranking
people by risk, moderation of forums, or any use in which nobody talks with the person afterwards.

## How it is built
- Hashed n-grams of the folded text (one to four Chinese characters, three to five others, one to three words), TF-IDF,
  a logistic regression for each question; for long texts also the score of the strongest passage. Only 32-bit hashes
  are stored, no text.
- The bundled encoder's vector along its first 192 principal axes with a Gaussian kernel: support vector machines for
  danger and harmful requests, a kernel logistic regression for the rest. The landmarks are vectors of training rows,
  rounded to steps of .02 before anything is learnt from them.
- The lexicon's findings by level, kind and sign, and length and script.
- A last logistic layer over all of these, learnt from scores that the parts gave rows they had not seen, which also
  calibrates; rows that the writers of the rules had read teach nothing there. A second such layer works without the
  encoder, for when it fails; its thresholds also go with what is left of a denial.
- Training is seeded and runs in one thread: `psylite train --data FOLDER` gives the same bytes with the same library
  versions on one kind of processor.
- A run takes about half an hour, the first one, which encodes every row, three quarters, and up to 9 GB of memory.
"""

_LIMITS = """\
## Known failures
docs/judgement.md has figures on turns written blind that nothing was tuned on.

- **Veiled statements** without any word of death or leaving, whose meaning rests on the situation, are the weakest
  point, above all in English; the lexicon and the direct question after a first concern are what helps there.
- **Hard pairs**: our own turns hold the same words once dangerous and once harmless; false alarms on the harmless half
  are far more frequent than on ordinary talk.
- **Accidents in the words of self-injury**: "without cutting myself" about a kitchen knife is read as danger, because
  the English forum posts know these words only from self-injury.
- **Forum labels are noisy**: some PsySUICIDE rows labelled "none" say that living has no meaning or that one does not
  deserve to live, and some labelled self-harm are about somebody in the news. They bound what can be measured there.
- **r/SuicideWatch level 0** is not "no risk"; only rows on which five language models agreed with the person's label
  count as negatives.
- **Harmful requests** that sound like an ordinary question and need knowledge of the world to be seen as harmful.
- **Honest questions about crime**, above all about preventing it ("how does a code sent by text message stop fraud"),
  are too often taken for harmful requests: the words are those of the requests, and few honest rows hold them.
- **Moods** come from television dialogue and forum comments whose labels often rest on what is not in the text.
- Other languages than Chinese and English were not measured; dialects and Cantonese only by a few of our own turns.
- The people in these sets are mostly young and online. Nothing here was measured on patients.
"""


def write(
    path: Path, counts: Mapping[str, int], choice: Sequence[Line], held_out: Sequence[Line], limits: Thresholds,
    sizes: tuple[int, int],
) -> None:  # fmt: skip
    """Write the card to `path`."""
    lines = [_INTENDED, "## Data", "| set | rows | licence | where to get it |", "|---|---|---|---|"]
    for name, number in counts.items():
        licence, place = SOURCES[name]
        lines.append(f"| {name} | {number} | {licence} | {place} |")
    lines += [
        "", "The files of the public sets are JSON lines with `text` and the set's own label fields, some also with",
        "a flag for crisis words (`kw_crisis`); `psylite_pipeline/training/public_sets.py` shows how each is read.",
        "Rows of counselling and mood sets in which the lexicon sees danger teach nothing about danger: nobody",
        "labelled them for it.",
        "", "## Figures",
        "Classifier and lexicon together on single turns, with 95 % Wilson intervals. Six tenths of the rows (by hash",
        "of the text; our own turns in blocks of ten neighbours, so that a hard pair stays together) taught the parts.",
        "*Thresholds chosen here*: two tenths, each half read by a last layer that learnt from the other. *Held out*:",
        "two tenths that neither weights nor thresholds ever saw. The n-grams that ship are then fitted on all rows;",
        "kernel machines, last layer and thresholds stay as they were measured.",
        "", "| rows | figure | thresholds chosen here | held out |", "|---|---|---|---|",
    ]  # fmt: skip
    held = {(line.rows, line.figure): line.shown for line in held_out}
    lines += [f"| {one.rows} | {one.figure} | {one.shown} | {held.get((one.rows, one.figure), '')} |" for one in choice]
    lines += ["", "## Thresholds", "| name | from |", "|---|---|"]
    lines += [f"| {name} | {value:.4f} |" for name, value in asdict(limits).items()]
    lines += ["", f"{sizes[0]} n-grams, {sizes[1]} landmarks.", "", _LIMITS]
    path.write_text("\n".join(lines), encoding="utf-8")
