"""STREAM_CONDITIONING: a recipe that the encode lane evaluates chunk by chunk.

A vision-aware encoder needs the frames, so what travels on the socket is not a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .host_text import HostText

PROMPT_LIMIT = 4000
"""Characters of a prompt; the encoders' own limits, in tokens, are usually far lower."""


@dataclass(frozen=True)
class ConditioningRecipe:
    """What to condition on, and how often to encode it.

    Attributes:
        prompt: the instruction (live under ``"<node_id>.prompt"``); empty asks for the source back.
        references: style images, float32 (H, W, 3) in 0..1 each; not part of equality.
        reference_strength: 0 ignores the references, 1 is their full weight.
        text_strength: 0 ignores the prompt, 1 is its full weight.
        te_refresh_every: encode with fresh frames every N chunks; 0 only when the prompt changes.
        te_batch_one: encode with the first frame of a chunk only and share it in the chunk.
        external: a core CONDITIONING, used instead of the prompt; not part of equality.
        clip: the host's text encoder, which reads the prompt for the model; not part of equality.
        fingerprint: stands for ``references``, ``external`` and ``clip`` in equality.
        node_id: the ComfyUI node that made it, owner of its live keys.
    """

    prompt: str = ""
    references: tuple[Any, ...] = field(default=(), compare=False)
    reference_strength: float = 1.0
    te_refresh_every: int = 1
    te_batch_one: bool = False
    external: Any = field(default=None, compare=False)
    clip: HostText | None = field(default=None, compare=False)
    fingerprint: str = ""
    node_id: str = ""
    text_strength: float = 1.0
