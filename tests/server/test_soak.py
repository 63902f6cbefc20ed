"""Three minutes of everything at once: nothing grows, nothing is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import soak_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_three_minutes_of_live_play(comfyui: Path, tmp_path: Path) -> None:
    measured = asyncio.run(soak_run.soak(comfyui, tmp_path, 180))
    print({key: value for key, value in measured.items() if key != "samples"})
    assert not soak_run.problems(measured)
