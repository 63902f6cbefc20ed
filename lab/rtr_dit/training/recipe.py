"""Sizes and choices of a run; the defaults are the demo checkpoint's."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....engine.cache.layout import CacheLayout
from ....engine.networks.causal_wan import CausalWanConfig
from ....engine.networks.causal_wan.config import PATCH
from ....engine.sampling.few_step import few_step_schedule
from ....engine.sampling.flow_match import FlowMatchSchedule


def demo_network(latent_channels: int = 12, text_dim: int = 96) -> CausalWanConfig:
    """3.3 M parameters; the source's latents are stacked on the noisy ones."""
    return CausalWanConfig(
        in_channels=2 * latent_channels,
        out_channels=latent_channels,
        dim=192,
        ffn_dim=480,
        freq_dim=64,
        text_dim=text_dim,
        heads=4,
        layers=6,
    )


@dataclass(frozen=True)
class Recipe:
    """What all stages share.

    Attributes:
        network: sizes of the transformer.
        prediction: ``"x0"`` or ``"velocity"``: what its output means.
        steps, shift: the student's step list, and the warp of its noise levels (see ``few_step_schedule``);
            the demo's latents vary by 0.5 only, which is as if a unit variance had a shift of 3.
        noise_shift: warp of the noise levels that teacher and scores are trained at. A high one, because
            below a level of one half the noisy clip itself tells its style.
        block, window, sink: latent frames of a block, of what it sees (itself included), of the sink.
        frames: latent frames of a training clip; more than ``window``, so that the cache rolls.
        drop_text, drop_reference: how often each is left out, independently.
        guidance: weight of the conditions in the teacher's trajectories and the real score (1: as predicted;
            1.5 made a student that read its own frames darker and more coloured from block to block).
    """

    network: CausalWanConfig = field(default_factory=demo_network)
    prediction: str = "x0"
    steps: tuple[int, ...] = (1000, 500)
    shift: float = 1.5
    noise_shift: float = 4.0
    block: int = 1
    window: int = 4
    sink: int = 0
    frames: int = 5
    drop_text: float = 0.15
    drop_reference: float = 0.45
    guidance: float = 1.0

    @classmethod
    def of_latents(cls, channels: int, deviation: float) -> Recipe:
        """The recipe for another autoencoder's latents: wider ones want noisier levels.

        Args:
            deviation: of the latents; the shifts were chosen for 0.5.
        """
        wider = deviation / 0.5
        return cls(demo_network(channels), shift=cls.shift * wider, noise_shift=cls.noise_shift * wider)

    @property
    def schedule(self) -> FlowMatchSchedule:
        """The student's noise levels."""
        return few_step_schedule(self.steps, self.shift)

    def cache_layout(self, height: int, width: int, references: int) -> CacheLayout:
        """The cache of a clip of height x width latents: the one that inference has."""
        network, tokens = self.network, (height // PATCH) * (width // PATCH)
        return CacheLayout(
            network.layers,
            network.heads,
            network.head_width,
            tokens,
            self.block,
            self.window,
            self.sink,
            references,
        )
