"""What all causal video autoencoders share on a stream: 1 + 4n frames, groups of frames, memory."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from ..transfers import upload
from .base import StreamingAutoencoder
from .latents import LatentFormat


@dataclass(frozen=True)
class AutoencoderState:
    """What encoder and decoder remember of a stream; replaced, never changed.

    Attributes:
        waiting: uint8 (N, H, W, 3), frames that don't make a whole latent yet.
        last: uint8 (1, H, W, 3), the newest frame; None before the first.
        encoding, decoding: the first latent has been encoded, or decoded.
        encoder, decoder: what the network's layers carry over.
    """

    waiting: torch.Tensor | None = None
    last: torch.Tensor | None = None
    encoding: bool = False
    decoding: bool = False
    encoder: Any = ()
    decoder: Any = ()


class VideoAutoencoder(StreamingAutoencoder):
    """A causal autoencoder on one stream: chunked equals one-shot.

    The first latent holds one frame, each later one ``temporal`` frames, so 1 + 4 (n - 1) frames
    are n latents. Latents are normalised, as the diffusion model reads them. Encoder and decoder
    each have a state of their own; two streams take two objects (``for_stream``), which share the
    weights.

    Attributes:
        latent_format: raw against normalised latents.
        lookahead: frames that the encoder must see beyond those a latent shows.
        unit_pixels: for a diffusion model whose autoencoder was given and gave pixels from 0 to 1 where it
            is made for -1 to 1 (LiveEdit); set when a model is loaded.
    """

    latent_format: LatentFormat
    lookahead: int
    unit_pixels = False

    def __init__(self) -> None:
        self._state = AutoencoderState()

    def for_stream(self) -> Self:
        """The same weights at the start of another stream."""
        stream = copy.copy(self)
        stream.reset()
        return stream

    def encode_chunk(self, frames: torch.Tensor) -> torch.Tensor:
        """Any number of uint8 RGB frames (N, H, W, 3) to the latents (n, C, h, w) that they complete."""
        if len(frames) == 0:
            return self._no_latents(frames)
        state = self._state
        waiting = frames if state.waiting is None else torch.cat([state.waiting, frames])
        first = 0 if state.encoding else 1 + self.lookahead
        later = len(waiting) - first
        ready = first + later // self.temporal * self.temporal if later >= 0 else 0
        # copies, because whoever owns the frames may write into them again
        self._state = replace(state, waiting=waiting[ready:].clone(), last=frames[-1:].clone())
        return self._encode_ready(waiting[:ready]) if ready else self._no_latents(frames)

    def flush(self) -> torch.Tensor:
        """End the encoder's stream: the latents of what is left, its last frame repeated to fill them.

        Together with the chunks before it, a stream of N frames gives 1 + ceil((N - 1) / temporal)
        latents, which decode to at least N frames.
        """
        state = self._state
        if state.last is None:
            raise ValueError("flush needs a stream with at least one frame")
        # encoded latents show all frames that went into them but the lookahead
        left = len(state.waiting) + (self.lookahead if state.encoding else -1)
        wanted = -(-left // self.temporal) * self.temporal + (0 if state.encoding else 1 + self.lookahead)
        fill = state.last.repeat(wanted - len(state.waiting), 1, 1, 1)
        frames = torch.cat([state.waiting, fill])
        latents = self._encode_ready(frames) if len(frames) else self._no_latents(state.last)
        self._state = AutoencoderState(decoding=state.decoding, decoder=state.decoder)
        return latents

    def encode_image(self, picture: torch.Tensor) -> torch.Tensor:
        """One uint8 RGB picture (H, W, 3) to one latent (1, C, h, w); the stream's memory stays as it is."""
        stream = self.for_stream()
        return torch.cat([stream.encode_chunk(picture.unsqueeze(0)), stream.flush()])

    def decode_chunk(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (n, C, h, w) to uint8 RGB: 1 + temporal (n - 1) frames at first, then temporal * n."""
        if len(latents) == 0:
            height, width = (side * self.spatial for side in latents.shape[-2:])
            return torch.empty((0, height, width, 3), device=latents.device, dtype=torch.uint8)
        pixels = self._decode(latents.to(self.place[0]), not self._state.decoding)
        self._state = replace(self._state, decoding=True)
        pixels = (pixels.float() * 255.0 + 0.5).clamp_(0.0, 255.0)
        return pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def normalise(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw latents (..., C, h, w) to those that the chunks carry."""
        return self.latent_format.normalise(raw)

    def denormalise(self, latents: torch.Tensor) -> torch.Tensor:
        """The chunks' latents (..., C, h, w) to raw ones."""
        return self.latent_format.denormalise(latents)

    def reset(self) -> None:
        """Forget the stream so far."""
        self._state = AutoencoderState()

    def _no_latents(self, frames: torch.Tensor) -> torch.Tensor:
        device, dtype = self.place
        height, width = (side // self.spatial for side in frames.shape[1:3])
        return torch.empty((0, self.channels, height, width), device=device, dtype=dtype)

    def _encode_ready(self, frames: torch.Tensor) -> torch.Tensor:
        device, dtype = self.place
        pixels = upload(frames, device).permute(0, 3, 1, 2).to(dtype) / 255.0
        latents = self._encode(pixels, not self._state.encoding)
        self._state = replace(self._state, encoding=True)
        return latents

    @abstractmethod
    def _encode(self, pixels: torch.Tensor, first: bool) -> torch.Tensor:
        """Frames (N, 3, H, W) in 0..1 to normalised latents (n, C, h, w).

        Args:
            pixels: 1 + lookahead + temporal (n - 1) frames when ``first``, else temporal * n.
        """

    @abstractmethod
    def _decode(self, latents: torch.Tensor, first: bool) -> torch.Tensor:
        """Normalised latents (n, C, h, w) to frames (N, 3, H, W) in about 0..1."""
