"""Lets other packages write ``from livestyle.engine...``, whatever name ComfyUI has loaded the pack under.

ComfyUI names a pack by the path of its folder, so nothing that pip installs could import it by name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = "livestyle"
LOADED_AS = __name__.removesuffix(".engine.families.alias")


class PackFinder(MetaPathFinder, Loader):
    """Finds ``livestyle`` and everything below it in the modules of the loaded pack."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if f"{fullname}.".startswith(f"{NAME}.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(LOADED_AS + spec.name.removeprefix(NAME))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; its own spec, which the import has just replaced, comes back."""
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


def make_importable() -> None:
    """From now on ``livestyle`` is the pack; where it is so named already, nothing changes."""
    if LOADED_AS != NAME and not any(isinstance(finder, PackFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, PackFinder())
