"""Styles under a LoRA: its strength changes what the network makes of a text and of references."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...networks.lora import Lora
from ...sampling.style_states import StyleKV, StyleStates


@dataclass(frozen=True)
class LoraStyleStates(StyleStates):
    """A style for a network whose LoRA acts this strongly.

    Another strength is another style: the switch's policy says what becomes of the history.

    Attributes:
        lora_strength: at which it is projected.
    """

    lora_strength: float = 1.0

    def equals(self, other: StyleStates) -> bool:
        same = isinstance(other, LoraStyleStates) and self.lora_strength == other.lora_strength
        return same and super().equals(other)


class LoraStyles:
    """Projects styles at the strength of the moment, and keeps the latest.

    For the denoise lane only. There the strength is set and all that reads it runs, so that a change can't
    meet a projection under way; and the runners that share a LoRA each set theirs first.

    Args:
        lora: on the network that projects.
        project: a style to its keys and values.
    """

    def __init__(self, lora: Lora, project: Callable[[StyleStates], StyleKV]) -> None:
        self._lora, self._project = lora, project
        self.release()

    def release(self) -> None:
        """Drop what is projected."""
        self._latest: tuple[StyleStates, float, StyleKV] | None = None

    def turn(self, strength: float) -> None:
        """Let the LoRA act this strongly from now on."""
        self._lora.turn(strength)

    def projected(self, style: StyleStates) -> StyleKV:
        """A style at the strength that the LoRA has now; anew only where either has changed."""
        strength, latest = self._lora.strength, self._latest
        if latest is None or latest[0] is not style or latest[1] != strength:
            adapted = LoraStyleStates(style.text, style.references, style.strength, strength)
            self._latest = latest = (style, strength, self._project(adapted))
        return latest[2]
