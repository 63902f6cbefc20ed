"""Sizes of a Wan 2.1 text-to-video transformer."""

from __future__ import annotations

from dataclasses import dataclass

PATCH = 2
"""Side in latents of the square that becomes one token; along time a token is one latent frame."""


@dataclass(frozen=True)
class CausalWanConfig:
    """The defaults are Wan 2.1's 1.3B model, as Self-Forcing (arXiv 2506.08009) uses it.

    Attributes:
        in_channels: channels that go in: the latent's, twice them where the source is stacked on.
        out_channels: channels of the latent.
        dim: width of the tokens.
        ffn_dim: width inside the feed-forward layers.
        freq_dim: length of the sinusoid that encodes a timestep, even.
        text_dim: width of the text encoder's states.
        heads: attention heads; ``dim / heads`` must be even.
        layers: transformer blocks.
        eps: of all norms.
    """

    in_channels: int = 16
    out_channels: int = 16
    dim: int = 1536
    ffn_dim: int = 8960
    freq_dim: int = 256
    text_dim: int = 4096
    heads: int = 12
    layers: int = 30
    eps: float = 1e-6

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.dim // self.heads
