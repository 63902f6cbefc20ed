"""What a StreamDiT stream remembers from chunk to chunk."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ...autoencoders.video import VideoAutoencoder
from ...conditioning.states import TextStates
from ...sampling.moving_buffer import MovingBuffer
from ..style_schedule import ChunkStyles


@dataclass
class StreamState:
    """A new clip starts with a new one.

    Attributes:
        styles: the prompt of now, encoded (encode lane).
        encoder: the autoencoder with the source's past (encode lane).
        restyles: a video goes through (encode lane).
        flushed: the source has ended, and the encoder has given what it held (encode lane).
        buffer: latents under way; None before the first chunk (denoise lane).
        seed: of the noise (denoise lane).
        waiting: latents (n, C, h, w) of the source that are too few for a segment (denoise lane).
        done: latents that the buffer has given and no chunk has taken (denoise lane).
        decoder: the autoencoder with the result's past (decode lane).
    """

    styles: ChunkStyles[TextStates]
    encoder: VideoAutoencoder
    decoder: VideoAutoencoder
    restyles: bool = False
    flushed: bool = False
    buffer: MovingBuffer | None = None
    seed: int = 0
    waiting: torch.Tensor | None = None
    done: list[torch.Tensor] = field(default_factory=list)
