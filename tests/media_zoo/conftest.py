"""Makes the measures of the media tests importable."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "media_clips" not in sys.modules:
    path = Path(__file__).parents[1] / "engine" / "media" / "clips.py"
    _spec = importlib.util.spec_from_file_location("media_clips", path)
    assert _spec and _spec.loader
    sys.modules["media_clips"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["media_clips"])

sys.path.insert(0, str(Path(__file__).parent))
