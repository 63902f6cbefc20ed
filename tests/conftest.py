"""Loads the pack under the name ``livestyle`` and keeps its root off ``sys.path``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

_spec = importlib.util.spec_from_file_location("livestyle_pack_loader", ROOT / "scripts" / "pack.py")
assert _spec and _spec.loader
_loader = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loader)
_loader.load_pack()

pytest_plugins = ["no_skips_in_ci", "comfy_fixtures"]
