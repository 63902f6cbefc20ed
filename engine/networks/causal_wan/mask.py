"""Who may attend to whom when a whole sequence is trained at once."""

from __future__ import annotations

import torch


def block_causal_mask(
    frames: int, block: int, tokens: int, references: int = 0, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """What a network with a cache sees, as a mask over one sequence of references and frames.

    References see references; a frame sees them, its own block and all blocks before it.

    Args:
        frames: latent frames after the references.
        block: latent frames that are denoised together.
        tokens: tokens of a frame.
        references: reference frames at the start of the sequence.

    Returns:
        bool (T, T) with T = (references + frames) * tokens; True where a query (row) sees a key.
    """
    step = torch.arange(frames, device=device) // block
    step = torch.cat([torch.full((references,), -1, device=device), step])
    return (step[:, None] >= step[None]).repeat_interleave(tokens, 0).repeat_interleave(tokens, 1)
