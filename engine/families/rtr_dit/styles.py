"""Which style conditions each block of a causal stream, projected once and kept while it plays."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ...autoencoders.video import VideoAutoencoder
from ...cache.switch import PolicyName, SwitchPolicy
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import AnyConditioning, StyleTimeline
from ...sampling.style_states import StyleKV, StyleStates
from ..style_schedule import ChunkStyles, StyleSchedule
from .profile import SHOT

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


class BlockStyles(ChunkStyles[StyleKV | StyleStates]):
    """A timeline, block by block, whose styles may have reference pictures.

    Args:
        schedule: the styles and their live keys.
        text: states (1, length, width) of a recipe with a prompt.
        references: latents of a recipe's pictures; kept until others come.
        project: their keys and values, or the states themselves where the denoise lane projects; called on
            the encode lane.
    """

    def __init__(
        self,
        schedule: StyleSchedule,
        *,
        text: EncodeText,
        references: Callable[[ConditioningRecipe], torch.Tensor | None],
        project: Callable[[StyleStates], StyleKV | StyleStates],
    ) -> None:
        known: dict[tuple[int, int], torch.Tensor | None] = {}

        def encode(recipe: ConditioningRecipe, style: int, prompt: str) -> StyleKV | StyleStates:
            number = (schedule.edition, style)
            if number not in known:
                for old in [each for each in known if each[0] != schedule.edition]:
                    del known[old]
                known[number] = references(recipe)
            return project(StyleStates(text(recipe, prompt), known[number], recipe.reference_strength))

        super().__init__(schedule, encode)

    def begins_shot(self, before: tuple[int, str] | None) -> bool:
        """Whether the prompt of now, which was ``before`` in the last chunk, cuts to a new shot."""
        if before in (None, self.chosen) or self.chosen is None:
            return False
        return self.chosen[1].strip().lower().startswith(SHOT)


def switch_policy(conditioning: AnyConditioning, temporal: int, usual: PolicyName) -> SwitchPolicy:
    """A timeline's policy, in latent frames of ``temporal`` pictures; a single recipe's is the usual one."""
    timeline = StyleTimeline.of(conditioning)
    keep, frames = (max(1, -(-count // temporal)) for count in (timeline.keep_frames, timeline.blend_frames))
    name = timeline.policy if timeline is conditioning else usual
    return SwitchPolicy(name, keep, frames, timeline.interpolation)


def reference_room(timeline: StyleTimeline) -> int:
    """Reference pictures that must fit into the cache together.

    A blend keeps those of both its ends, which may be one style's with two prompts.
    """
    most = max(len(recipe.references) for recipe in timeline.styles)
    return 2 * most if timeline.policy == "blend" else most
