"""The StreamEdit-DiT family."""

from ..family import Family
from .checkpoint import Description
from .loader import load
from .runner import StreamEditDiTRunner

FAMILY = Family(Description.FAMILY, Description.recognises, load, StreamEditDiTRunner)
