"""UniPC (arXiv 2302.04867) between the steps of a block, as LongLive 2 (arXiv 2605.18739) samples.

Nothing is drawn between two steps, so that the same start gives the same block. diffusers' solver computes
it; its own table of noise levels differs from the published one and is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from .flow_match import FlowMatchSchedule, warp

FIRST = 0.999
"""Where the published table starts before it is shifted."""


def unipc_schedule(steps: int, shift: float) -> FlowMatchSchedule:
    """Evenly spaced levels from ``FIRST`` to 0, shifted."""
    return FlowMatchSchedule((*(warp(FIRST * (1.0 - step / steps), shift) for step in range(steps)), 0.0))


class UniPC:
    """The solver of one block: order 2 in the clean latents, B2, with corrector, order 1 at the end.

    Args:
        sigmas: falling noise levels, the last one 0.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        self._solver = UniPCMultistepScheduler(prediction_type="sample", use_flow_sigmas=True)
        levels: Any = torch.tensor(sigmas[:-1]).numpy()  # declared as a list, computed with as an array
        self._solver.set_timesteps(sigmas=levels)
        self._solver.set_begin_index(0)

    def step(self, x: torch.Tensor, x0: torch.Tensor) -> torch.Tensor:
        """From latents and what they were found to be to the latents of the next level."""
        return self._solver.step(x0, self._solver.timesteps[0], x, return_dict=False)[0]
