"""Where the write side of FrameStreamIO writes."""

from __future__ import annotations

import os
import threading

from . import host

_lock = threading.Lock()
_reserved: dict[str, str] = {}


def reserve_path(prefix: str, node_id: str) -> str:
    """A path in the output folder that no file has, and that no other node was given.

    A file appears only when the session starts, so two write nodes in one plan would
    otherwise be given the same one. A node's reservation lasts until its next Run.
    """
    stem, counter = host.output_stem(prefix)
    with _lock:
        taken = {path for owner, path in _reserved.items() if owner != node_id}
        while (path := f"{stem}_{counter:05}_.mp4") in taken or os.path.exists(path):
            counter += 1
        _reserved[node_id] = path
    return path
