"""Styles under a LoRA: its strength changes what the network makes of a text and of references."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...networks.lora import Lora
from ...sampling.conditions import Conditions, Encoded


@dataclass(frozen=True)
class LoraConditions(Conditions):
    """Conditions for a network whose LoRA acts this strongly.

    Another strength is another style: the switch's policy says what becomes of the history.

    Attributes:
        lora_strength: at which they are encoded.
    """

    lora_strength: float = 1.0

    def equals(self, other: Conditions) -> bool:
        same = isinstance(other, LoraConditions) and self.lora_strength == other.lora_strength
        return same and super().equals(other)


class LoraStyles:
    """Encodes styles at the strength of the moment, and keeps the latest.

    For the main lane only. There the strength is set and all that reads it runs, so that a change can't
    meet an encoding under way; and the runners that share a LoRA each set theirs first.

    Args:
        lora: on the network that encodes.
        encode: what the network makes of conditions.
    """

    def __init__(self, lora: Lora, encode: Callable[[Conditions], Encoded]) -> None:
        self._lora, self._encode = lora, encode
        self.release()

    def release(self) -> None:
        """Drop what is encoded."""
        self._latest: tuple[Conditions, float, Encoded] | None = None

    def turn(self, strength: float) -> None:
        """Let the LoRA act this strongly from now on."""
        self._lora.turn(strength)

    def encoded(self, style: Conditions) -> Encoded:
        """A style at the strength that the LoRA has now; anew only where either has changed."""
        strength, latest = self._lora.strength, self._latest
        if latest is None or latest[0] is not style or latest[1] != strength:
            adapted = LoraConditions(style.text, style.references, style.strength, strength)
            self._latest = latest = (style, strength, self._encode(adapted))
        return latest[2]
