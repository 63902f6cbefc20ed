"""The families of streaming models: which one a checkpoint belongs to, how it is loaded and played."""

from .family import Family, StreamRequest
from .registry import (
    DEMO,
    PICKLES,
    WEIGHTS,
    demo_adapters,
    demo_checkpoints,
    estimate_bytes,
    families,
    find_release,
    identify,
    load_model,
    make_runner,
    probe,
    profiles,
    register,
    release_of,
    releases,
    weight_bytes,
)

__all__ = [
    "DEMO",
    "PICKLES",
    "WEIGHTS",
    "Family",
    "StreamRequest",
    "demo_adapters",
    "demo_checkpoints",
    "estimate_bytes",
    "families",
    "find_release",
    "identify",
    "load_model",
    "make_runner",
    "probe",
    "profiles",
    "register",
    "release_of",
    "releases",
    "weight_bytes",
]
