"""What is measured of causal video models: sizes, and the settings of each stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ....engine.networks.causal_wan import CausalWanConfig
from ....engine.networks.taehv import TAEHVConfig


@dataclass(frozen=True)
class Scale:
    """Every width of one configuration.

    Attributes:
        name: how rows call it.
        networks: by name.
        sizes: height and width in pixels.
        taehv: of the small autoencoder.
        wan: ``base_dim`` of Wan's VAE.
        windows: latent frames.
    """

    name: str
    networks: dict[str, CausalWanConfig]
    sizes: tuple[tuple[int, int], ...]
    taehv: TAEHVConfig
    wan: int
    windows: tuple[int, ...] = (6, 9, 12, 21)


WAN_1_3B = CausalWanConfig()
WAN_14B = CausalWanConfig(dim=5120, ffn_dim=13824, heads=40, layers=40)
WAN_5B = CausalWanConfig(in_channels=48, out_channels=48, dim=3072, ffn_dim=14336, heads=24)
"""Wan 2.2's, whose autoencoder has 48 channels."""
FULL = Scale("full size", {"1.3B": WAN_1_3B, "14B": WAN_14B}, ((480, 832), (512, 512)), TAEHVConfig(), 96)
TOY = Scale(
    "toy size",
    {"toy": CausalWanConfig(dim=64, ffn_dim=128, freq_dim=32, text_dim=32, heads=2, layers=2)},
    ((64, 64),),
    TAEHVConfig(
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
    ),
    8,
    (6, 9),
)


@dataclass(frozen=True)
class Case:
    """One stream.

    Attributes:
        block: latent frames of a chunk.
        window: latent frames that a query sees.
        autoencoder: ``"taehv"`` or ``"wan"``.
    """

    network: str
    height: int
    width: int
    steps: int
    block: int
    window: int
    autoencoder: str = "taehv"
    compiled: bool = False


def cases(scale: Scale, cuda: bool = False) -> Iterator[Case]:
    """The smallest network in every setting; larger ones at 4 steps, chunk 3 and the smallest window.

    Those at 4 steps and chunk 3 compiled, too, where there is CUDA.
    """
    small, *larger = scale.networks
    for height, width in scale.sizes:
        for autoencoder, steps, block in product(("taehv", "wan"), (1, 2, 4), (1, 3)):
            for window in scale.windows:
                case = Case(small, height, width, steps, block, window, autoencoder)
                yield case
                if cuda and (steps, block) == (4, 3):
                    yield replace(case, compiled=True)
        for name in larger:
            case = Case(name, height, width, 4, 3, scale.windows[0])
            yield case
            if cuda:
                yield replace(case, compiled=True)
