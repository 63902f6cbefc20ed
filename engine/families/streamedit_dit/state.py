"""What a StreamEdit-DiT stream remembers from chunk to chunk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import torch

from ...autoencoders.video import VideoAutoencoder
from ...motion.activity import Activity, ActivityMeter
from ...networks.sparse_attention.attention import Selections
from ...sampling.edit_stream import EditStream
from .styles import EditStyles, PromptState
from .window import WindowDriver


@dataclass(frozen=True)
class About:
    """What goes with the pictures of one latent frame.

    Attributes:
        prompt: what they are asked for.
        activity: of the source.
        seed: of the noise.
        lasts: seconds that they take on screen, where the source is live; else 0.
    """

    prompt: PromptState
    activity: Activity
    seed: int
    lasts: float


@dataclass
class StreamState:
    """A new clip starts with a new one.

    Attributes:
        styles: where the stream stands in its timeline, and how old its prompt is (encode lane).
        encoder: the autoencoder with the source's past (encode lane).
        meter: measures the source's motion and detail, and finds its cuts (encode lane).
        waiting: for the latents that the autoencoder still holds (encode lane).
        flushed: the source has ended, and the encoder has given what it held (encode lane).
        windows: how many latent frames the network sees, chosen chunk by chunk (denoise lane).
        selections: blocks of keys that sparse attention picked lately (denoise lane).
        stream: latent frames under way and the edited ones before them (denoise lane).
        unedited: the source's latents of the frames under way, oldest first (denoise lane).
        current: of the chunk that goes in; None before the first (denoise lane).
        decoder: the autoencoder with the result's past (decode lane).
    """

    styles: EditStyles
    encoder: VideoAutoencoder
    decoder: VideoAutoencoder
    windows: WindowDriver
    selections: Selections
    stream: EditStream
    meter: ActivityMeter = field(default_factory=ActivityMeter)
    waiting: deque[About] = field(default_factory=deque)
    flushed: bool = False
    unedited: deque[torch.Tensor] = field(default_factory=deque)
    current: About | None = None
