"""Which style conditions each block of a causal stream, encoded once and kept while it plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F

from ...autoencoders.video import VideoAutoencoder
from ...cache.switch import SwitchPolicy
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import AnyConditioning, StyleTimeline, Switch, TimelineCursor
from ...errors import SettingError
from ...sampling.rollout import Conditions, Encoded
from ..base import LiveParameter

PROMPT_LIMIT = 4000  # characters

EncodeText = Callable[[ConditioningRecipe, str], torch.Tensor]


def reference_latents(
    recipe: ConditioningRecipe, autoencoder: VideoAutoencoder, width: int, height: int
) -> torch.Tensor | None:
    """Latents (1, R, C, h, w) of a recipe's pictures, each scaled to cover the frame and cropped centrally.

    None without pictures, or where their strength is 0.
    """
    if not recipe.references or recipe.reference_strength == 0.0:
        return None
    latents = []
    for picture in recipe.references:
        pixels = picture[..., :3].permute(2, 0, 1).unsqueeze(0).float()
        scale = max(width / pixels.shape[3], height / pixels.shape[2])
        size = (max(height, round(pixels.shape[2] * scale)), max(width, round(pixels.shape[3] * scale)))
        pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        pixels = pixels[0, :, top : top + height, left : left + width]
        frame = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
        latents.append(autoencoder.encode_image(frame))
    return torch.cat(latents).unsqueeze(0)


class BlockStyles:
    """A timeline, block by block: a switch inside a block waits for the next one.

    Args:
        conditioning: a recipe or a timeline of recipes.
        text: states (1, length, width) of a recipe with a prompt.
        references: latents of a recipe's pictures.
        encode: what the network makes of them; called on the side lane.
        check: raises SettingError for a prompt that is too long.
        most: reference pictures that a style may have.
    """

    def __init__(
        self,
        conditioning: AnyConditioning,
        *,
        text: EncodeText,
        references: Callable[[ConditioningRecipe], torch.Tensor | None],
        encode: Callable[[Conditions], Encoded],
        check: Callable[[str], object] | None,
        most: int,
    ) -> None:
        self.timeline = StyleTimeline.of(conditioning)
        for recipe in self.timeline.styles:
            if len(recipe.references) > most:
                raise SettingError(
                    f"references: {len(recipe.references)} pictures for one style, this model takes {most}."
                    if most
                    else "references: this model follows words only, disconnect the style pictures."
                )
        self._text, self._references, self._encode = text, references, encode
        self._active = f"{self.timeline.node_id}.active"
        prompts = {
            f"{recipe.node_id}.prompt": LiveParameter(
                f"{recipe.node_id}.prompt", "text", recipe.prompt, maximum=PROMPT_LIMIT, check=check
            )
            for recipe in self.timeline.styles
        }
        self.live_parameters = tuple(prompts.values())
        styles = len(self.timeline.styles)
        if styles > 1:
            self.live_parameters += (LiveParameter(self._active, "int", self.timeline.active, 1, styles),)
        self.reset()

    def reset(self) -> None:
        """A new clip: the schedule starts over, and nothing is kept."""
        self._cursor = TimelineCursor(self.timeline)
        self._playing = self.timeline.active
        self._by_schedule = False
        self._switches: dict[int, tuple[Switch, ...]] = {}
        self._pictures: dict[int, torch.Tensor | None] = {}
        self.release()

    def release(self) -> None:
        """Drop what is encoded."""
        self._encoded: tuple[tuple[int, str], Encoded] | None = None

    def policy(self, temporal: int) -> SwitchPolicy:
        """The timeline's policy, in latent frames of ``temporal`` pictures."""
        timeline = self.timeline
        keep, frames = (
            max(1, -(-count // temporal)) for count in (timeline.keep_frames, timeline.blend_frames)
        )
        return SwitchPolicy(timeline.policy, keep, frames, timeline.interpolation)

    def room(self) -> int:
        """Reference pictures that must fit into the cache together."""
        counts = sorted((len(recipe.references) for recipe in self.timeline.styles), reverse=True)
        return sum(counts[:2]) if self.timeline.policy == "blend" else counts[0]

    def advance(
        self,
        index: int,
        first_frame: int,
        pts: Sequence[Fraction],
        cuts: Sequence[int],
        live: Mapping[str, Any],
    ) -> Encoded:
        """The conditions of the next block; arguments as ``TimelineCursor.advance`` has them."""
        moments = self._cursor.advance(first_frame, pts, cuts, live.get(self._active))
        if moments:
            style = moments[0].style
            scheduled = self._by_schedule or moments[0].scheduled
            self._by_schedule = any(moment.scheduled for moment in moments[1:])
            if style != self._playing and scheduled:
                self._switches[index] = (Switch(self._active, style, first_frame),)
            self._playing = style
        recipe = self.timeline.styles[self._playing - 1]
        key = (self._playing, str(live[f"{recipe.node_id}.prompt"]))
        if self._encoded is None or self._encoded[0] != key:
            self._encoded = (key, self._encode(self._conditions(recipe, *key)))
        return self._encoded[1]

    def switches(self, index: int) -> tuple[Switch, ...]:
        """The switches that the schedule made in a chunk; asked once."""
        return self._switches.pop(index, ())

    def _conditions(self, recipe: ConditioningRecipe, style: int, prompt: str) -> Conditions:
        if style not in self._pictures:
            self._pictures[style] = self._references(recipe)
        return Conditions(self._text(recipe, prompt), self._pictures[style], recipe.reference_strength)
