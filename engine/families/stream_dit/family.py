"""The StreamDiT family."""

from functools import partial

from ..family import Family
from ..footprint import footprint
from .checkpoint import Description
from .fp8 import quantised
from .loader import load
from .runner import StreamDiTRunner

FAMILY = Family(
    Description.FAMILY,
    Description.recognises,
    load,
    StreamDiTRunner,
    footprint=partial(footprint, quantised=quantised),
)
