"""The three stages of the paper (section 4) on the shared training loop.

1. Base task: what an instruction does to a clip; one noise level a clip, no history.
2. Streaming adaptation: the adaptive window's states, denoising plus lambda times the coherence of
   neighbouring frames (Streaming Coherence Matching, its Eq. 5).
3. Quality and interactivity: larger pictures at a lower rate, and prompts that change inside the clip:
   a window then holds history, and frames under way, that another prompt began.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ....engine.conditioning.ensemble import TextEncoder
from ....engine.conditioning.states import TextStates
from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ....engine.sampling.flow_match import Prediction
from ...stream_dit.training.buffered_flow_matching import withhold
from ...training.loop import LoopConfig, train
from .batches import Batch, EditBatches
from .buffer import Layout, Window, WindowMixture, fill, fit
from .losses import coherence_loss, denoising_loss, edit_weights, missing_share, picture_errors
from .text import NAME

Preview = Callable[[torch.nn.Module, Path], None]


@dataclass(frozen=True)
class Stage:
    """What a stage shows the network and asks of it.

    Attributes:
        mixture: states of the window; None for the base task.
        base_frames: latent frames of a clip in the base task, drawn from: single frames show four times
            the clips and instructions for the same work.
        coherence: lambda, weight of the temporal term.
        changed: share of the clips whose prompt changes inside the window.
        cells: latent positions in a batch, about.
        prediction: what the network's output means.
    """

    mixture: WindowMixture | None = None
    base_frames: tuple[int, ...] = (1, 1, 1, 4)
    coherence: float = 0.0
    changed: float = 0.0
    cells: int = 24 * 16 * 16
    prediction: Prediction = "velocity"

    def layout(self, rng: np.random.Generator) -> Layout:
        """The window of a batch. Half of the base task starts from pure noise, as all streams do."""
        if self.mixture is not None:
            return self.mixture.draw(rng)
        level = 1.0 if rng.random() < 0.5 else float(rng.uniform(0.02, 1.0))
        return Layout(0, np.full(int(rng.choice(self.base_frames)), level))


def read(net: StreamEditDiT, text: TextEncoder, prompts: list[str]) -> TextStates:
    """What the network reads of the prompts; the empty one is its null token alone."""
    with torch.no_grad():
        states = text.encode([prompt or "." for prompt in prompts])
    said = [bool(prompt) for prompt in prompts]
    return net.read_text(withhold({NAME: states}, said), len(prompts))


def train_stage(
    net: StreamEditDiT,
    batches: EditBatches,
    text: TextEncoder,
    stage: Stage,
    folder: Path,
    config: LoopConfig,
    preview: Preview | None = None,
) -> StreamEditDiT:
    """Go on training ``net`` in one stage; state, log and preview go to ``folder``."""

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch, window = draw_window(batches, stage, np.random.default_rng((config.seed, step)), generator)
        with torch.autocast("cpu", torch.bfloat16):
            errors = picture_errors(net, window, batch, read(net, text, batch.prompts), stage.prediction)
        weights = edit_weights(batch)
        terms = {"loss": denoising_loss(errors, window, weights)}
        if stage.coherence:
            flicker = coherence_loss(errors, batch.motion, window.history, weights)
            terms |= {"loss": terms["loss"] + stage.coherence * flicker, "flicker": flicker.detach()}
        return terms | {"missing": missing_share(errors.detach(), batch, window.history)}

    return train(net, loss, folder, config, preview)


def draw_window(
    batches: EditBatches, stage: Stage, rng: np.random.Generator, generator: torch.Generator
) -> tuple[Batch, Window]:
    """A batch and how its clips lie in the window."""
    wanted = stage.layout(rng)
    batch = batches.draw(wanted.frames, stage.cells, rng)
    layout = fit(wanted, batch.source.shape[1])
    changed = None
    if stage.changed:
        switched = rng.random(len(batch.prompts)) < stage.changed
        changed = (switched * rng.integers(1, layout.frames + 1, size=len(switched))).tolist()
    noise = stage.mixture.history_noise if stage.mixture else 0.0
    return batch, fill(batch, layout, generator, noise, changed)


STAGES = {
    "base": Stage(),
    "streaming": Stage(WindowMixture(), coherence=0.5),
    "quality": Stage(WindowMixture(), coherence=0.5, changed=0.3),
}


def without_streaming(stage: Stage) -> Stage:
    """The ablation w/o SCM + ASW: no temporal term, and always the smallest window."""
    if stage.mixture is None:
        return stage
    least = min(stage.mixture.windows)
    return replace(stage, mixture=replace(stage.mixture, windows=(least,), shares=(1.0,)), coherence=0.0)
