"""The RTR-DiT family."""

from ..base import ModelHandle
from ..family import Family
from .checkpoint import FAMILY as NAME
from .checkpoint import recognised, recognises
from .loader import load
from .profile import PROFILES
from .runner import RTRDiTRunner


def identify(handle: ModelHandle) -> str:
    """What a checkpoint is played as, and what says so."""
    return recognised(handle)[1]


FAMILY = Family(NAME, recognises, load, RTRDiTRunner, identify=identify, profiles=tuple(PROFILES))
