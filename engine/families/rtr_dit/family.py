"""The RTR-DiT family."""

from ..family import Family
from .checkpoint import FAMILY as NAME
from .checkpoint import recognises
from .loader import load
from .runner import RTRDiTRunner

FAMILY = Family(NAME, recognises, load, RTRDiTRunner)
