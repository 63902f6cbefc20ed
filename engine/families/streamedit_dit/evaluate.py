"""A StreamEdit-DiT network as what an edit stream evaluates."""

from __future__ import annotations

import torch

from ...conditioning.states import TextStates
from ...networks.sparse_attention.attention import Selections
from ...networks.streamedit_dit.model import StreamEditDiT
from ...sampling.edit_stream import Evaluate
from ...sampling.flow_match import Prediction, to_velocity


def evaluator(
    network: StreamEditDiT, text: TextStates, prediction: Prediction, selections: Selections | None = None
) -> Evaluate:
    """The velocity that a network gives a buffer under a prompt, float32.

    Args:
        text: from ``network.read_text``, for one buffer.
        prediction: what the network's output means.
        selections: of the stream; None selects anew at every evaluation.
    """

    def evaluate(
        latents: torch.Tensor, sigma: torch.Tensor, source: torch.Tensor, references: int
    ) -> torch.Tensor:
        oldest = min(references, 1)  # sparse attention always keeps the window's oldest frame of history
        output = network(latents[None], sigma[None], source[None], text, oldest, selections)[0]
        return to_velocity(latents, output.to(latents), sigma.view(-1, 1, 1, 1), prediction)

    return evaluate
