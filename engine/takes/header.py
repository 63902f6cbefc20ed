"""Where a take was made: facts that tell a reader, and us, whether it renders the same here."""

from __future__ import annotations

import hashlib
import json
import os
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

from ..media.lossless_sink import LosslessSpec
from ..media.sinks import SinkSpec
from ..runtime.plan import PlanNode, Read, Stylise, Write
from ..version import pack_version

PACKAGES = ("torch", "diffusers", "transformers", "av", "numpy")

END_BYTES = 1 << 20
"""Of a file's beginning and of its end are hashed: a film of many GB must not hold up a stream."""


def header_of(plan: PlanNode, spec: SinkSpec, size: tuple[int, int], fps: Fraction) -> dict[str, Any]:
    """The first line of a take, but for its values.

    Files are told by their names, sizes and hashes, not by where they lie: takes are passed around.

    Args:
        plan: the write node that pumps.
        spec: of the recording.
        size: (width, height) in pixels.
        fps: average frames a second.
    """
    nodes = list(plan.walk())
    kept = {
        node.parents[0].node_id: PurePath(node.operation.sink.path).name
        for node in nodes
        if isinstance(node.operation, Write) and isinstance(node.operation.sink, LosslessSpec)
    }
    sources, models, seeds = {}, {}, {}
    for node in nodes:
        if isinstance(node.operation, Read):
            sources[node.node_id] = identity(node.operation.source.label) | (
                {"recorded": kept[node.node_id]} if node.node_id in kept else {}
            )
        elif isinstance(node.operation, Stylise):
            handle, seeds[node.node_id] = node.operation.model, node.operation.settings.seed
            models[node.node_id] = {
                "checkpoint": PurePath(handle.checkpoint).name,
                "fingerprint": hashlib.sha256(handle.fingerprint.encode()).hexdigest()[:16],
            }
    return {
        "source": sources,
        "models": models,
        "seed": seeds,
        "size": list(size),
        "fps": str(fps),
        "packages": packages(),
        "graph": json.loads(dict(spec.metadata).get("prompt", "{}")),
    }


def identity(location: str) -> dict[str, Any]:
    """Name, size and hash of a file; of anything else only what it is called."""
    path = Path(location)
    try:
        size = path.stat().st_size
        if not path.is_file():
            return {"name": path.name}
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(END_BYTES))
            file.seek(max(END_BYTES, size - END_BYTES), os.SEEK_SET)
            digest.update(file.read(END_BYTES))
    except (OSError, ValueError):
        return {"name": PurePath(location).name}
    return {"name": path.name, "bytes": size, "sha256_of_ends": digest.hexdigest()}


@cache
def packages() -> dict[str, str]:
    """Versions of ours and of what computes."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"livestyle": pack_version(), **found}
