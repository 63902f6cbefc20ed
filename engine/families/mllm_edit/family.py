"""The MLLM-edit family."""

from functools import partial

from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import AnyConditioning
from ..base import DenoiseSettings, ModelHandle
from ..family import Family
from ..footprint import footprint
from .fp8 import quantised
from .loader import load, recognises
from .profile import FAMILY as NAME
from .releases import RELEASES
from .runner import MLLMEditRunner


def independent(handle: ModelHandle, conditioning: AnyConditioning, settings: DenoiseSettings) -> bool:
    """Without an adapter, noise that follows motion, a timeline, or text that is kept from chunk to chunk."""
    if not isinstance(conditioning, ConditioningRecipe):
        return False
    anew = conditioning.external is not None or conditioning.te_refresh_every == 1
    return anew and not handle.patches and settings.noise != "flow_warped"


FAMILY = Family(
    NAME,
    recognises,
    load,
    MLLMEditRunner,
    footprint=partial(footprint, quantised=quantised),
    releases=RELEASES,
    independent=independent,
)
