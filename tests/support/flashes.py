"""A picture that flashes while a sound beeps; ``lab.benchmark.sound`` measures what became of both."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager

from stream_servers import ffmpeg

from livestyle.lab.benchmark.sound import LONG_S, bursts, flash_and_beep, out_of_step

__all__ = ["IN_STEP_S", "LONG_S", "assert_in_step", "bursts", "flashing", "out_of_step"]

IN_STEP_S = 0.040
TRIES = 2
"""A machine that stands still for a second looks like a source whose clock jumps, once."""


def assert_in_step(beeps: int, play: Callable[[int], tuple[float, int]]) -> None:
    """Play until so many beeps at least are in step, twice at most.

    Args:
        beeps: that must be heard.
        play: what the number of the attempt is passed to; gives what ``out_of_step`` says of what was played.
    """
    for number in range(TRIES):
        worst, heard = play(number)
        print(f"{worst * 1000:.1f} ms out of step, {heard} beeps", end="; ")
        if heard >= beeps and worst <= IN_STEP_S:
            return
    raise AssertionError(f"{worst * 1000:.1f} ms out of step, {heard} of {beeps} beeps")


def flashing(*output: str, real_time: bool = True) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """An ffmpeg that flashes and beeps once a second; killed at the end."""
    return ffmpeg(*flash_and_beep(*output, real_time=real_time))
