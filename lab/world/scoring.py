"""Holds what a sentence names against what a clip shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from .detector import Seen
from .sentences import NamedActor, Sentence

ATTRIBUTES = ("count", "colour", "shape", "direction", "speed", "background", "camera")


@dataclass
class Score:
    """Right and named, for each attribute and for whole sentences.

    Attributes:
        right, named: by attribute; one a mention, so a sentence about two objects counts twice.
        joint_right, clips: sentences of which all is right, and all sentences.
    """

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTRIBUTES, 0))
    named: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTRIBUTES, 0))
    joint_right: int = 0
    clips: int = 0

    def add(self, sentence: Sentence, seen: Seen) -> bool:
        """Count one clip; whether all that its sentence names is right."""
        answers = judge(sentence, seen)
        for attribute, right in answers:
            self.named[attribute] += 1
            self.right[attribute] += right
        joint = all(right for _, right in answers)
        self.clips += 1
        self.joint_right += joint
        return joint

    @property
    def shares(self) -> dict[str, float]:
        """Share of the mentions that are right, by attribute that was named at all."""
        return {name: self.right[name] / count for name, count in self.named.items() if count}

    @property
    def worst(self) -> float:
        """The lowest of the shares."""
        return min(self.shares.values())

    @property
    def joint(self) -> float:
        """Share of the sentences of which all is right."""
        return self.joint_right / self.clips


def judge(sentence: Sentence, seen: Seen) -> list[tuple[str, bool]]:
    """(attribute, right) for each mention. Objects are matched by colour: no scene has one twice."""
    answers = [("count", len(seen.actors) == len(sentence.actors))]
    for named in sentence.actors:
        answers += _judge_actor(named, seen)
    for attribute in ("background", "camera"):
        wanted = getattr(sentence, attribute)
        if wanted is not None:
            answers.append((attribute, getattr(seen, attribute) == wanted))
    return answers


def _judge_actor(named: NamedActor, seen: Seen) -> list[tuple[str, bool]]:
    found = next((actor for actor in seen.actors if actor.colour == named.colour), None)
    answers = [("colour", found is not None)]
    for attribute in ("shape", "direction", "speed"):
        wanted = getattr(named, attribute)
        if wanted is not None:
            answers.append((attribute, found is not None and getattr(found, attribute) == wanted))
    return answers
