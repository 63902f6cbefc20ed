"""A page on which people judge two systems blindly: which side is which is drawn, and kept in another file.

``index.html`` shows every pair's source and two edits of it side by side and asks the paper's three
questions (its Table 3). Answers are saved as a file by the browser; ``key.json`` says who was who, and
``result.json`` says "not run" until somebody replaces it with what people answered.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ....engine.media.sinks import SinkSpec
from ....engine.media.types import Frames

QUESTIONS = {
    "perceptual_quality": "Which one looks better?",
    "temporal_consistency": "Which one is steadier?",
    "prompt_adherence": "Which one does what was asked?",
}
ANSWERS = ("left", "no difference", "right")
NOT_RUN = "not run"
FPS = 12


@dataclass(frozen=True)
class Comparison:
    """A source, what was asked, and two systems' edits, uint8 RGB (N, H, W, 3), by the system's name."""

    name: str
    instruction: str
    source: np.ndarray
    edits: Mapping[str, np.ndarray]


def write_page(folder: Path, comparisons: Sequence[Comparison], seed: int = 0) -> Path:
    """Write the page and all that belongs to it; returns ``index.html``.

    Args:
        seed: decides for each comparison which system is on the left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    key, rows = {}, []
    for number, comparison in enumerate(comparisons, 1):
        left, right = rng.permutation(sorted(comparison.edits))
        key[f"{number:02d}"] = {"pair": comparison.name, "left": str(left), "right": str(right)}
        films = (comparison.source, comparison.edits[left], comparison.edits[right])
        name = f"{number:02d}.mp4"
        _write_film(folder / name, np.concatenate(films, axis=2))
        rows.append(_row(number, name, comparison.instruction))
    (folder / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    (folder / "result.json").write_text(json.dumps({"status": NOT_RUN}) + "\n", encoding="utf-8")
    page = folder / "index.html"
    page.write_text(PAGE.replace("ROWS", "\n".join(rows)), encoding="utf-8")
    return page


def _write_film(path: Path, pixels: np.ndarray) -> None:
    path.unlink(missing_ok=True)
    height, width = pixels.shape[1:3]
    sink = SinkSpec(str(path)).open(width, height, Fraction(FPS), None)
    sink.write(Frames(pixels, 0, tuple(Fraction(index, FPS) for index in range(len(pixels)))))
    sink.close()


def _row(number: int, film: str, instruction: str) -> str:
    choices = []
    for question, text in QUESTIONS.items():
        group = f"{number:02d}.{question}"
        buttons = "".join(
            f'<label><input type="radio" name="{group}" value="{answer}" required>{answer}</label>'
            for answer in ANSWERS
        )
        choices.append(f"<fieldset><legend>{text}</legend>{buttons}</fieldset>")
    return (
        f"<section><h2>{number}. {html.escape(instruction)}</h2>"
        f'<video src="{film}" autoplay loop muted playsinline controls></video>'
        f"<p>original, left, right</p>{''.join(choices)}</section>"
    )


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Which edit is better?</title>
<style>
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
video { width: 100%; }
fieldset { display: inline-block; border: 1px solid #bbb; margin: 0 0.5rem 0.5rem 0; }
label { margin-right: 1rem; }
</style>
<h1>Which edit is better?</h1>
<p>Each film shows the original and two edits of it. Answer all three questions for each, then save
your answers.</p>
<form>
ROWS
<button>Save my answers</button>
</form>
<script>
document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const answers = Object.fromEntries(new FormData(event.target));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(answers, null, 1)], { type: "application/json" }));
  link.download = "answers.json";
  link.click();
});
</script>
</html>
"""
