"""TAEHV: the tiny causal video autoencoder by madebyollin/taehv, with its published key names.

Two plain stacks of 2-D convolutions in which time moves in three places only: ``MemBlock`` sees the
frame before, ``TPool`` merges neighbouring frames, ``TGrow`` splits one into several. What a stream
has to remember is therefore one frame for each ``MemBlock``; it comes in and goes out as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

Memory = tuple[torch.Tensor, ...]  # the last input frame of every MemBlock of a stack, (N, C, h, w)


@dataclass(frozen=True)
class TAEHVConfig:
    """Shape of a TAEHV; the defaults are taew2_1 (Wan 2.1 latents).

    Attributes:
        latent_channels: channels of a latent.
        patch: pixels folded into channels before the encoder and unfolded after the decoder.
        encoder_channels: width of the stem and of the three levels.
        encoder_blocks: MemBlocks of each level.
        encoder_time, encoder_space: frames merged, and stride, at the entry of each level.
        decoder_channels: width of the three levels and of the last hidden layer.
        decoder_blocks: MemBlocks of each level.
        decoder_space, decoder_time: upsampling, and frames made of one, at the exit of each level.
        lead: copies of the first frame that stand before a stream. With ``temporal - 1`` a latent needs
            no later frame; the published encoders were trained with none and look that far ahead.
        wide: the decoder of ``taew2_2_super``: ``WideMemBlock``, and pixels shuffled up.
    """

    latent_channels: int = 16
    patch: int = 1
    encoder_channels: tuple[int, int, int, int] = (64, 64, 64, 64)
    encoder_blocks: tuple[int, int, int] = (3, 3, 3)
    encoder_time: tuple[int, int, int] = (2, 2, 1)
    encoder_space: tuple[int, int, int] = (2, 2, 2)
    decoder_channels: tuple[int, int, int, int] = (256, 128, 64, 64)
    decoder_blocks: tuple[int, int, int] = (3, 3, 3)
    decoder_space: tuple[int, int, int] = (2, 2, 2)
    decoder_time: tuple[int, int, int] = (1, 2, 2)
    lead: int = 0
    wide: bool = False

    @property
    def temporal(self) -> int:
        """Frames per latent."""
        return prod(self.encoder_time)

    @property
    def spatial(self) -> int:
        """Pixels per latent along width and height."""
        return self.patch * prod(self.encoder_space)


class Clamp(nn.Module):
    """Latents softly limited to -3..3."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x / 3.0) * 3.0


class MemBlock(nn.Module):
    """A residual block that sees each frame beside the one before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        return F.relu(self.conv(torch.cat([x, past], dim=1)) + x)


class WideMemBlock(MemBlock):
    """The same with one wide filter for each channel; nothing limits what leaves it."""

    def __init__(self, channels: int) -> None:
        nn.Module.__init__(self)
        self.conv = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 7, padding=3, groups=2 * channels, bias=False),
            nn.Conv2d(2 * channels, 4 * channels, 1),
            nn.ReLU(),
            nn.Conv2d(4 * channels, channels, 1, bias=False),
        )

    def forward(self, x: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.cat([x, past], dim=1)) + x


class TPool(nn.Module):
    """``stride`` neighbouring frames into one.

    Frames are moved with their channels last in memory, as convolutions on a CPU want them: a plain
    reshape would take them out of that order and back (a quarter of the whole cost).
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(channels * stride, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        merged = rearrange(x, "(n s) c h w -> n h w (s c)", s=self.stride)
        return self.conv(rearrange(merged, "n h w c -> n c h w"))


class TGrow(nn.Module):
    """One frame into ``stride`` neighbouring ones; see ``TPool`` for the order of memory."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(channels, channels * stride, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        split = rearrange(self.conv(x), "n (s c) h w -> (n s) h w c", s=self.stride)
        return rearrange(split, "n h w c -> n c h w")


class TAEHV(nn.Module):
    """Encoder and decoder; RGB in 0..1, latents as the diffusion model reads them.

    ``temporal`` frames make one latent, and one latent makes ``temporal`` frames. Both directions
    take any whole number of latents at once, compute their frames in parallel, and return what the
    next call needs, so a stream in chunks equals the stream in one piece.
    """

    def __init__(self, config: TAEHVConfig | None = None) -> None:
        super().__init__()
        self.config = config or TAEHVConfig()
        self.encoder = _encoder(self.config)
        self.decoder = (_wide_decoder if self.config.wide else _decoder)(self.config)

    def encode(self, frames: torch.Tensor, memory: Memory = ()) -> tuple[torch.Tensor, Memory]:
        """Frames (N, T, 3, H, W) in 0..1, T a multiple of ``temporal``, to latents (N, t, C, h, w).

        Args:
            memory: what the call before returned; empty at the start of a stream.
        """
        batch = len(frames)
        x = F.pixel_unshuffle(rearrange(frames, "n t c h w -> (n t) c h w"), self.config.patch)
        x, memory = _run(self.encoder, x, batch, memory)
        return rearrange(x, "(n t) c h w -> n t c h w", n=batch), memory

    def decode(self, latents: torch.Tensor, memory: Memory = ()) -> tuple[torch.Tensor, Memory]:
        """Latents (N, t, C, h, w) to frames (N, temporal * t, 3, H, W), not yet limited to 0..1."""
        batch = len(latents)
        x, memory = _run(self.decoder, rearrange(latents, "n t c h w -> (n t) c h w"), batch, memory)
        frames = F.pixel_shuffle(x, self.config.patch)
        return rearrange(frames, "(n t) c h w -> n t c h w", n=batch), memory


def _run(stack: nn.Sequential, x: torch.Tensor, batch: int, memory: Memory) -> tuple[torch.Tensor, Memory]:
    """Apply a stack to frames (batch * T, C, H, W); a MemBlock without memory sees a black frame before."""
    before = iter(memory)
    after = []
    for layer in stack:
        if isinstance(layer, MemBlock):
            length = len(x) // batch
            past = torch.cat([x[:1], x[:-1]])  # along the batch, which keeps the memory format
            past[::length] = next(before) if memory else 0.0
            after.append(x[length - 1 :: length].clone())
            x = layer(x, past)
        else:
            x = layer(x)
    return x, tuple(after)


def _encoder(c: TAEHVConfig) -> nn.Sequential:
    stem, *widths = c.encoder_channels
    layers: list[nn.Module] = [nn.Conv2d(3 * c.patch**2, stem, 3, padding=1), nn.ReLU()]
    levels = zip(widths, c.encoder_blocks, c.encoder_time, c.encoder_space, strict=True)
    before = stem
    for width, blocks, time, space in levels:
        layers += [TPool(before, time), nn.Conv2d(before, width, 3, stride=space, padding=1, bias=False)]
        layers += [MemBlock(width) for _ in range(blocks)]
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, c.latent_channels, 3, padding=1))


def _decoder(c: TAEHVConfig) -> nn.Sequential:
    first, *exits = c.decoder_channels
    layers: list[nn.Module] = [Clamp(), nn.Conv2d(c.latent_channels, first, 3, padding=1), nn.ReLU()]
    levels = zip(exits, c.decoder_blocks, c.decoder_space, c.decoder_time, strict=True)
    width = first
    for after, blocks, space, time in levels:
        layers += [MemBlock(width) for _ in range(blocks)]
        layers += [nn.Upsample(scale_factor=space), TGrow(width, time)]
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False)]
        width = after
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, 3 * c.patch**2, 3, padding=1))


def _wide_decoder(c: TAEHVConfig) -> nn.Sequential:
    width, *exits = c.decoder_channels
    layers: list[nn.Module] = [nn.Conv2d(c.latent_channels, width, 1, bias=False)]
    for after, blocks, space, time in zip(
        exits, c.decoder_blocks, c.decoder_space, c.decoder_time, strict=True
    ):
        layers += [WideMemBlock(width) for _ in range(blocks)]
        layers += [nn.Conv2d(width, after * space**2, 3, padding=1), nn.ReLU(), nn.PixelShuffle(space)]
        layers += [TGrow(after, time)]
        width = after
    return nn.Sequential(*layers, nn.Conv2d(width, 3 * c.patch**2, 3, padding=1))
