"""Runs of one checkpoint: clips restyled by text, by reference, and with switches in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.conditioning.timeline import AnyConditioning
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.rtr_dit.model import RTRDiTModel
from ...autoencoders.video_evaluation import reconstruct
from ...benchmark.inline import play
from ...evaluation.clips import Clip
from ...metrics.perceptual import EfficientNetLite0

Row = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """What is measured with.

    Attributes:
        clips: that training never saw.
        trunk: of perceptual distances.
        emit: takes each row as it is measured.
        steps: denoising steps.
        seed: of the noise.
    """

    model: RTRDiTModel
    clips: Sequence[Clip]
    trunk: EfficientNetLite0
    emit: Callable[[Row], None]
    steps: int = 2
    seed: int = 0

    def restyle(
        self,
        frames: np.ndarray,
        conditioning: AnyConditioning,
        changes: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> np.ndarray:
        """A clip through the model's own runner; arguments as ``runtime.inline.play`` has them."""
        height, width = frames.shape[1:3]
        runner = make_runner(
            self.model,
            StreamRequest(
                DenoiseSettings(steps=self.steps, noise="fresh", seed=self.seed),
                conditioning,
                node_id="denoise",
                model_node_id="model",
                width=width,
                height=height,
            ),
        )
        return np.concatenate(list(play(runner, frames, changes=changes)))

    def through(self, frames: np.ndarray) -> np.ndarray:
        """A clip through the autoencoder and back."""
        return reconstruct(self.model.autoencoder, frames)


def by_text(prompt: str) -> ConditioningRecipe:
    """A style that is asked for in words."""
    return ConditioningRecipe(prompt=prompt, node_id="text")


def by_reference(picture: np.ndarray) -> ConditioningRecipe:
    """A style that a picture, uint8 RGB (H, W, 3), shows."""
    return ConditioningRecipe(references=(torch.from_numpy(picture).float() / 255.0,), node_id="reference")
