"""The MLLM-edit family."""

from functools import partial

from ..family import Family
from ..footprint import footprint
from .fp8 import quantised
from .loader import load, recognises
from .profile import FAMILY as NAME
from .releases import RELEASES
from .runner import MLLMEditRunner

FAMILY = Family(
    NAME,
    recognises,
    load,
    MLLMEditRunner,
    footprint=partial(footprint, quantised=quantised),
    releases=RELEASES,
)
