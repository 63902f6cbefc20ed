"""A picture that flashes while a sound beeps; ``lab.benchmark.sound`` measures what became of both."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager

from stream_servers import ffmpeg

from livestyle.lab.benchmark.sound import LONG_S, bursts, flash_and_beep, out_of_step

__all__ = ["IN_STEP_S", "LONG_S", "bursts", "flashing", "out_of_step"]

IN_STEP_S = 0.040


def flashing(*output: str, real_time: bool = True) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """An ffmpeg that flashes and beeps once a second; killed at the end."""
    return ffmpeg(*flash_and_beep(*output, real_time=real_time))
