"""One evaluation of the edit U-Net, for either way of giving it the source."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import DreamLiteUNetModel
from torch import nn

from ...conditioning.states import TextStates
from ...sampling.flow_match import FlowMatchSchedule, euler, velocity_from_x0, x0_from_velocity
from .channels_last import keep_channels_last
from .guidance import Guidance
from .profile import Profile

Network = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, TextStates], torch.Tensor]
"""``Denoiser.forward``'s arguments and result."""


class Denoiser(nn.Module):
    """The U-Net behind one signature: noisy latent, source latent, sigma and text in, x0 out."""

    def __init__(self, unet: DreamLiteUNetModel, profile: Profile) -> None:
        super().__init__()
        keep_channels_last(unet)
        self.unet = unet
        self.profile = profile

    def forward(
        self, x: torch.Tensor, source: torch.Tensor, sigma: torch.Tensor, text: TextStates
    ) -> torch.Tensor:
        """Predict the edited latent.

        Args:
            x: noisy latent (B, C, h, w).
            source: the source's latent (B, C, h, w); zeros generate.
            sigma: (B,) noise level.
            text: states for B frames, or keys and values where the U-Net is ``KVProjection``'s.

        Returns:
            x0 (B, C, h, w).
        """
        wide = self.profile.injection == "width"
        height, width = x.shape[-2:]
        canvas = self.profile.canvas or (width * 8, height * 8)
        time_ids = torch.stack([x.new_full((len(x),), side) for side in canvas], -1)
        output = self.unet(
            torch.cat([x, source], dim=3 if wide else 1),
            sigma * 1000.0,
            text.states,
            encoder_attention_mask=text.mask,
            added_cond_kwargs={"time_ids": time_ids},
        ).sample
        if wide:
            output = output[..., :width]
        if self.profile.prediction == "x0":
            return output
        return x0_from_velocity(x, output, sigma.view(-1, 1, 1, 1).to(output.dtype))

    def sample(
        self,
        noise: torch.Tensor,
        source: torch.Tensor,
        text: TextStates,
        schedule: FlowMatchSchedule,
        guidance: Guidance | None = None,
        network: Network | None = None,
    ) -> torch.Tensor:
        """Euler from noise to the edited latent; the state stays in float32, as in the reference.

        Args:
            network: evaluates it; None calls it.
        """
        x, network = noise.float(), network or self
        for step in range(schedule.steps):
            sigma, following = schedule.sigmas[step], schedule.sigmas[step + 1]
            levels = torch.full((len(x),), sigma, dtype=source.dtype, device=x.device)
            # one memory layout for every step, or the compiled network would be compiled again
            now = x.to(source.dtype).contiguous()
            if guidance is None:
                x0 = network(now, source, levels, text).float()
            else:
                x0 = guidance.guided(
                    lambda shown, told, now=now, at=levels: network(now, shown, at, told).float(),
                    source,
                    text,
                )
            x = x0 if following == 0.0 else euler(x, velocity_from_x0(x, x0, sigma), sigma, following)
        return x
