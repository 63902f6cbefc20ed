"""Published causal Wan checkpoints: how people name them, and what each is played with.

Their files seldom say what they are, and those of 1.3 billion parameters all have the same tensors. One
that is played as another gives a bad picture and no error, so what is not listed here is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Layout = Literal["plain", "source", "wan2.2"]
"""What tensors tell: text to video in 16 channels, the source's channels too, 48 channels."""


SMALL, LARGE = 1536, 5120
"""Widths of Wan's networks with 1.3 and 14 billion parameters."""


@dataclass(frozen=True)
class Published:
    """One checkpoint, or several that play alike.

    Attributes:
        name: as its authors call it.
        words: each a set of words; all of one set in the name of file and folder speak for it.
        profile: its entry of ``PROFILES``; ``""`` where ``asks`` says why there is none.
        asks: what its name leaves open, and the profiles that answer it.
        layout: which tensors it has.
        widths: of the networks that are published, the transformer's ``dim``.
        licence: what the artist should know of its terms, where the profile's note does not say it.
    """

    name: str
    words: tuple[tuple[str, ...], ...]
    profile: str = ""
    asks: str = ""
    layout: Layout = "plain"
    widths: tuple[int, ...] = (SMALL,)
    licence: str = ""


ACADEMIC = "licence: academic use only"
UNSTATED = "licence of the weights: none stated"

_LONGLIVE_2 = Published(
    "LongLive 2", (("longlive",),), "longlive_2", layout="wan2.2", widths=(3072,), licence=UNSTATED
)

PUBLISHED = (
    Published(
        "LiveEdit",
        (("ar_forcing",), ("liveedit",)),
        "liveedit",
        layout="source",
        licence="licence: none seen",
    ),
    Published("RTR-DiT", (("rtr_dit",),), "rtr_dit", layout="source"),
    replace(
        _LONGLIVE_2, name="LongLive 2 with two steps", words=(("nvfp4_s2",),), profile="longlive_2_2step"
    ),
    replace(_LONGLIVE_2, words=(("nvfp4_s4",),)),
    replace(
        _LONGLIVE_2,
        name="LongLive 2 for four bits",
        words=(("model_te",), ("nvfp4",), ("merged_bf16",)),
        profile="",
        asks="made for 4 or 2 steps: choose profile on Load Stream Model (longlive_2, longlive_2_2step)",
    ),
    _LONGLIVE_2,
    Published(
        "Causal Forcing for long videos",
        (("longvideo",),),
        "causal_forcing_long",
        licence=ACADEMIC,
    ),
    Published(
        "Causal Forcing++ with two steps",
        (("framewise", "2step"), ("causal_forcing", "2step")),
        "causal_forcing_2step",
    ),
    Published(
        "Causal Forcing++ with one step",
        (("framewise", "1step"), ("causal_forcing", "1step")),
        "causal_forcing_1step",
    ),
    Published("Causal Forcing frame-wise", (("framewise",),), "self_forcing_framewise"),
    Published("Causal Forcing chunk-wise", (("causal_forcing", "chunkwise"),), "causal_forcing"),
    Published(
        "Reward-Forcing",
        (("rewardforcing",), ("reward_forcing",)),
        "reward_forcing",
        licence=UNSTATED,
    ),
    Published(
        "MemFlow",
        (("memflow",),),
        "memflow",
        licence="licence: Apache-2.0 and CC BY-NC-SA 4.0 contradict each other, so not for commercial use",
    ),
    Published(
        "Rolling Forcing",
        (("rolling_forcing",), ("rollingforcing",)),
        "rolling_forcing",
        licence=ACADEMIC,
    ),
    Published("LongLive", (("longlive",),), "longlive"),
    Published(
        "StreamDiffusionV2",
        (("v2v",), ("streamdiffusion",)),
        "streamdiffusion_v2",
        widths=(SMALL, LARGE),
        licence=UNSTATED,
    ),
    Published("Krea realtime", (("krea",),), "krea", widths=(LARGE,)),
    Published("Self-Forcing", (("self_forcing",), ("selfforcing",)), "self_forcing"),
)
"""The first whose words fit is taken, so a name that holds another's comes before it."""

TRAINING_STAGES = ("ar_diffusion", "causal_ode", "causal_cd", "ode_init")
"""Names of checkpoints that were made on the way to one that can be played."""


def named(said: str, layout: Layout) -> Published | None:
    """The checkpoint that a name or header speaks for, among those of a layout."""
    plain = simple(said)
    fitting = (each for each in PUBLISHED if each.layout == layout)
    return next((each for each in fitting if any(all(w in plain for w in ws) for ws in each.words)), None)


def alike(layout: Layout, width: int) -> tuple[Published, ...]:
    """The checkpoints that tensors of a layout and width may be."""
    size = LARGE if width == LARGE else SMALL
    fitting = (each for each in PUBLISHED if each.layout == layout)
    return tuple(each for each in fitting if layout != "plain" or size in each.widths)


def simple(said: str) -> str:
    """In small letters, with the underscore as the only mark."""
    return "".join(letter if letter.isalnum() or letter == "/" else "_" for letter in said.lower())
