"""Makes ``clips.py`` importable by the tests of this folder without touching ``sys.path``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location("media_clips", Path(__file__).with_name("clips.py"))
assert _spec and _spec.loader
sys.modules["media_clips"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["media_clips"])
