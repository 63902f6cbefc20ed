"""Loads the pack under the name ``livestyle`` and keeps its root off ``sys.path``; profiles of Hypothesis."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

import torch
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

_spec = importlib.util.spec_from_file_location("livestyle_pack_loader", ROOT / "scripts" / "pack.py")
assert _spec and _spec.loader
_loader = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loader)
_loader.load_pack()

# How long a machine takes says nothing about the code.
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("full", **PATIENT)
settings.register_profile("fast", max_examples=20, **PATIENT)
settings.load_profile("full")

pytest_plugins = ["no_skips_in_ci", "comfy_fixtures"]


def pytest_runtest_setup() -> None:
    """A test that fails by the numbers it draws fails always, not in one run of twenty."""
    torch.manual_seed(0)


def pytest_collection_finish() -> None:
    """Leave what was imported out of the collections at each session's end: a third of a second each."""
    gc.collect()
    gc.freeze()
