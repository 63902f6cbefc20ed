"""Import the pack that this script lies in, whatever its folder is called.

The folder may carry hyphens and must never be on ``sys.path`` (its ``nodes`` would shadow
ComfyUI's), so it is loaded under the fixed name ``livestyle``.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def load_pack() -> ModuleType:
    """The pack as the package ``livestyle``; afterwards ``from livestyle.engine...`` works."""
    if "livestyle" in sys.modules:
        return sys.modules["livestyle"]
    spec = importlib.util.spec_from_file_location(
        "livestyle", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["livestyle"] = module
    spec.loader.exec_module(module)
    return module
