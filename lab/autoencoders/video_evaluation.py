"""What a video autoencoder loses, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from ...engine.autoencoders.video import VideoAutoencoder
from ..evaluation.clips import Clip
from ..metrics.change import psnr, squared_error
from ..metrics.sharpness import sobel_mixed
from ..metrics.temporal import clip_motion, warping_error
from ..styles import stylise
from .video_pairs import carried, steadied

PAINTED = ("oil", "pencil", "impressionist", "autumn")  # two classical styles, two of the teacher's


@torch.inference_mode()
def reconstruct(autoencoder: VideoAutoencoder, frames: np.ndarray) -> np.ndarray:
    """Frames uint8 RGB (N, H, W, 3) through encoder and decoder, one latent at a time as on a stream."""
    stream = autoencoder.for_stream()
    decoded = []
    for chunk in torch.from_numpy(frames).split(stream.temporal):
        decoded.append(stream.decode_chunk(stream.encode_chunk(chunk)))
    decoded.append(stream.decode_chunk(stream.flush()))
    return torch.cat(decoded)[: len(frames)].numpy()


def measure(autoencoder: VideoAutoencoder, clips: Sequence[Clip]) -> dict[str, float]:
    """Figures over all clips, defined in docs/measures.md.

    Returns:
        ``psnr_db`` of the clips and ``painted_psnr_db`` of painted ones (mean of the clips' decibels);
        ``warping_error_ratio`` and ``gradient_ratio``, reconstruction by source.
    """
    plain, painted, steadiness, gradients = [], [], [], []
    for clip in clips:
        motion = clip_motion(clip.pixels)
        seen = reconstruct(autoencoder, clip.pixels)
        plain.append(psnr(squared_error(seen, clip.pixels)))
        moving, still = (warping_error(each, motion, masked=True) for each in (seen, clip.pixels))
        steadiness.append(moving / still)
        gradients.append(sobel_mixed(seen) / sobel_mixed(clip.pixels))
        for style in PAINTED:
            frames = np.stack([stylise(frame, style) for frame in clip.pixels])
            target = steadied(frames, carried(clip.pixels))
            painted.append(psnr(squared_error(reconstruct(autoencoder, target), target)))
    return {
        "psnr_db": float(np.mean(plain)),
        "painted_psnr_db": float(np.mean(painted)),
        "warping_error_ratio": float(np.mean(steadiness)),
        "gradient_ratio": float(np.mean(gradients)),
    }


@torch.inference_mode()
def cpu_cost(autoencoder: VideoAutoencoder, size: int, chunks: int = 6) -> dict[str, float]:
    """CPU milliseconds a frame on a running stream of ``size`` x ``size`` pixels, the median of chunks."""
    stream = autoencoder.for_stream()
    generator = torch.Generator().manual_seed(0)
    shape = (1 + stream.lookahead, size, size, 3)
    frames = torch.randint(0, 256, (stream.temporal, *shape[1:]), generator=generator, dtype=torch.uint8)
    stream.decode_chunk(stream.encode_chunk(frames[:1].repeat(shape[0], 1, 1, 1)))
    spent = []
    for _ in range(chunks):
        started = time.process_time()
        latents = stream.encode_chunk(frames)
        between = time.process_time()
        stream.decode_chunk(latents)
        spent.append((between - started, time.process_time() - between))
    encode, decode = np.median(spent, axis=0) * 1000.0 / stream.temporal
    return {"encode_cpu_ms_per_frame": float(encode), "decode_cpu_ms_per_frame": float(decode)}
