"""What a network makes of some films in training, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.video import VideoAutoencoder
from ....engine.conditioning.ensemble import TextEncoder
from ....engine.families.streamedit_dit.evaluate import evaluator
from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ....engine.sampling.edit_stream import PIPELINED, edit_clip
from ....engine.sampling.flow_match import Prediction
from ...world.edits import instruct
from .pool import EditPool
from .stages import read


@dataclass(frozen=True)
class FilmPreview:
    """Draws rows of source, right result and output: the last frame of a clip's first latents.

    Attributes:
        cases: (pool, clip, variant, prompt) of each row.
        frames: latent frames that are edited.
    """

    autoencoder: VideoAutoencoder
    text: TextEncoder
    latent_format: LatentFormat
    cases: tuple[tuple[EditPool, int, int, str], ...]
    prediction: Prediction = "velocity"
    frames: int = 5

    @torch.no_grad()
    def __call__(self, net: StreamEditDiT, path: Path) -> None:
        """Write the picture; the network is left in the mode it was in."""
        was_training = net.training
        net.eval()
        rows = [self._row(net, *case) for case in self.cases]
        width = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
        cv2.imwrite(str(path), np.concatenate(padded)[..., ::-1])
        net.train(was_training)

    def _row(self, net: StreamEditDiT, pool: EditPool, clip: int, variant: int, prompt: str) -> np.ndarray:
        raw = (pool.sources[clip][: self.frames], pool.targets[clip, variant][: self.frames])
        source, target = (self.latent_format.normalise(torch.from_numpy(part).float()) for part in raw)
        evaluate = evaluator(net, read(net, self.text, [prompt]), self.prediction)
        output = edit_clip(evaluate, source, PIPELINED, window=8)
        return np.concatenate([self._last_frame(latents) for latents in (source, target, output)], axis=1)

    def _last_frame(self, latents: torch.Tensor) -> np.ndarray:
        stream = self.autoencoder.for_stream()
        return stream.decode_chunk(self.latent_format.denormalise(latents))[-1].numpy()


def preview_cases(
    pools: tuple[EditPool, EditPool],
) -> tuple[tuple[EditPool, int, int, str], ...]:
    """Four rows: two styled clips by their style's name, and both edits of one scene."""
    styled, worlds = pools
    rows: list[tuple[EditPool, int, int, str]] = []
    for clip in (0, len(styled) // 2):
        rows.append((styled, clip, 0, f"make it {styled.edits[clip][0]}"))
    for variant, (scene, edit) in enumerate(worlds.edits[0]):
        rows.append((worlds, 0, variant, instruct(edit, scene, np.random.default_rng(0))))
    return tuple(rows)
