"""Step lists of distilled video models, as Self-Forcing (arXiv 2506.08009) writes them."""

from __future__ import annotations

from collections.abc import Sequence

from .flow_match import FlowMatchSchedule, warp


def few_step_schedule(
    steps: Sequence[float], shift: float = 5.0, *, warped: bool = True
) -> FlowMatchSchedule:
    """The schedule of a step list such as ``(1000, 750, 500, 250)``.

    Args:
        steps: thousandths of noise at each step, falling.
        shift: of the training schedule.
        warped: whether the list counts positions in that schedule, whose values are moved by ``shift``
            (Self-Forcing: 1000, 937.5, 833.3, 625), or says the values themselves (StreamDiffusionV2).
    """
    levels = [step / 1000.0 for step in steps]
    return FlowMatchSchedule((*((warp(level, shift) if warped else level) for level in levels), 0.0))
