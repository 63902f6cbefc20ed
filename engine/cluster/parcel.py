"""Objects of ours on their way to a worker, where the pack has another name than in ComfyUI."""

from __future__ import annotations

import io
import pickle
from typing import Any

PACKAGE = __name__.partition(".engine.")[0]
"""The pack's name in this process: in ComfyUI the path of its folder."""


def packed(value: Any) -> bytes:
    """A value as bytes."""
    return pickle.dumps((PACKAGE, pickle.dumps(value)))


def unpacked(data: bytes) -> Any:
    """The value again, of this process's classes; for what comes from whoever owns the session."""
    package, value = pickle.loads(data)

    class Here(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            inside = module.startswith(f"{package}.")
            return super().find_class(PACKAGE + module[len(package) :] if inside else module, name)

    return Here(io.BytesIO(value)).load()
