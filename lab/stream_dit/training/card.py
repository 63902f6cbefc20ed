"""The model card of a StreamDiT checkpoint that the recipe packed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ....engine.networks.stream_dit.model import StreamDiT
from ...training.package import weight_hashes

CARD = """# {name}

StreamDiT (arXiv 2507.03745) at {parameters:,} parameters in bfloat16, with a text encoder of its own; the
autoencoder is `{autoencoder}`. Endless video from sentences about the procedural world
(`lab/world`): one or two objects of 8 colours and 6 shapes that move in 8 directions at 3
speeds, 6 backgrounds, 3 motions of the camera.

## Data and licences

The transformer and its text encoder saw nothing but rendered films and sentences of that world, seed
{seed}; 10 of the 48 pairs of colour and shape were left out. The autoencoder also saw real clips, some of
them under CC BY 3.0 and CC BY 4.0: their attributions are on the card of `{autoencoder}`.
These weights are released under Apache-2.0.

## Training

`python scripts/train.py stream-dit{options} --seed {seed}`: the text encoder; buffered flow matching
with mixed partitions, first on single latent frames, then on stretches of four, then on whole
buffers of sixteen; multistep distillation of guided steps into one evaluation a level. One thread of a
CPU, bfloat16 autocast. Log: `benchmarks/training/stream_dit.jsonl`.

## Limits

It knows that world and no other. Figures: `benchmarks/stream_dit.json`, defined in docs/measures.md;
beside the paper's in docs/stream_dit_paper.md.

## Files

| file | SHA-256 |
|---|---|
{hashes}
"""


def write_card(
    folder: Path, network: StreamDiT, autoencoder: str, options: Mapping[str, object], seed: int
) -> None:
    """Write ``README.md`` beside the weights in ``folder``.

    Args:
        autoencoder: name of the folder it looks through.
        options: of the recipe, by their names in it; those that are None are left out.
    """
    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    rows = (f"| `{name}` | `{digest}` |" for name, digest in weight_hashes(folder).items())
    text = CARD.format(
        name=folder.name,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        autoencoder=autoencoder,
        options="".join(f" --{name} {value}" for name, value in given.items()),
        seed=seed,
        hashes="\n".join(rows),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
