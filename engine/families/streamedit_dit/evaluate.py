"""A StreamEdit-DiT network as what an edit stream evaluates."""

from __future__ import annotations

import torch

from ...conditioning.states import TextStates
from ...networks.cuda_graphs import Graphs
from ...networks.sparse_attention.attention import Selections
from ...networks.streamedit_dit.model import StreamEditDiT
from ...sampling.edit_stream import Evaluate
from ...sampling.flow_match import Prediction, to_velocity
from ..compiling import of_any_length


def evaluator(
    network: StreamEditDiT,
    text: TextStates,
    prediction: Prediction,
    selections: Selections | None = None,
    graphs: Graphs | None = None,
) -> Evaluate:
    """The velocity that a network gives a buffer under a prompt, float32.

    Args:
        text: from ``network.read_text``, for one buffer.
        prediction: what the network's output means.
        selections: of the stream; None selects anew at every evaluation.
        graphs: replay it; not where it selects, which decides shapes.
    """

    def evaluate(
        latents: torch.Tensor, sigma: torch.Tensor, source: torch.Tensor, references: int
    ) -> torch.Tensor:
        oldest = min(references, 1)  # sparse attention always keeps the window's oldest frame of history

        def run(
            latents: torch.Tensor,
            sigma: torch.Tensor,
            source: torch.Tensor,
            states: torch.Tensor,
            mask: torch.Tensor | None,
        ) -> torch.Tensor:
            told = of_any_length(TextStates(states, mask))
            return network(latents[None], sigma[None], source[None], told, oldest, selections)[0]

        said = (text.states, text.mask)
        if graphs is None:
            output = run(latents, sigma, source, *said)
        else:
            output = graphs(run, latents, sigma, source, constants=said, kind=oldest)
        return to_velocity(latents, output.to(latents), sigma.view(-1, 1, 1, 1), prediction)

    return evaluate
