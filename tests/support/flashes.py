"""A picture that flashes while a sound beeps; ``lab.benchmark.sound`` measures what became of both."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from livestyle.lab.benchmark.sound import LONG_S, bursts, flash_and_beep, out_of_step

__all__ = ["IN_STEP_S", "LONG_S", "bursts", "flashing", "out_of_step"]

IN_STEP_S = 0.040


@contextlib.contextmanager
def flashing(*output: str, real_time: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """An ffmpeg that flashes and beeps once a second; killed at the end."""
    with subprocess.Popen(flash_and_beep(*output, real_time=real_time), stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
