"""Eight-bit floating point for the matrices of U-Net and text encoder (torchao), and its error.

Weights are stored as float8 e4m3 with a scale a row; products run in the format of the activations.
Plain fp16 is no alternative: the text encoder's states reach an absolute value of 1160 and overflow
on the way (arXiv 2606.05981, section V), where float8 with scales keeps their range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from ...conditioning.states import TextStates
from ...errors import SettingError, one_line

if TYPE_CHECKING:
    from .model import MLLMEditModel

PROBE = "make it an oil painting"
NARROWEST = 16
"""Matrices narrower than this stay as they are: float8 kernels need multiples of 16."""


@dataclass(frozen=True)
class QuantisationError:
    """Relative RMS difference to the unquantised model, on one fixed picture and instruction.

    Attributes:
        states: of the text encoder's states.
        latent: of the U-Net's prediction from pure noise, given equal states.
    """

    states: float
    latent: float

    def __str__(self) -> str:
        return f"fp8 changes the text states by {self.states:.1%} and the edited latent by {self.latent:.1%}"


def quantise(model: MLLMEditModel) -> QuantisationError:
    """Quantise a loaded model in place and measure the error.

    Raises:
        SettingError: torchao is not installed, or can't do it here.
    """
    try:
        from torchao.quantization import Float8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise SettingError(
            "dtype fp8 needs torchao: install it (pip install torchao), or use bf16."
        ) from error
    before = _probe(model)
    try:
        for network in (model.encoder.model, model.denoiser.unet):
            quantize_(network, Float8WeightOnlyConfig(), filter_fn=_is_matrix)
        after = _probe(model, before[0])
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        line = one_line(error, 120)
        raise SettingError(f"dtype fp8 can't work on this machine ({line}): use bf16.") from error
    return QuantisationError(_relative(after[0].states, before[0].states), _relative(after[1], before[1]))


def _is_matrix(module: nn.Module, _name: str) -> bool:
    return isinstance(module, nn.Linear) and not any(side % NARROWEST for side in module.weight.shape)


def _probe(model: MLLMEditModel, states: TextStates | None = None) -> tuple[TextStates, torch.Tensor]:
    """Text states of a fixed picture, and the U-Net's x0 from fixed noise.

    Args:
        states: what the U-Net is given instead of the text states just computed.
    """
    unet = model.denoiser.unet
    levels = len(unet.config.block_out_channels) - 1
    side = 8 * 2**levels
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(0)
        picture = torch.randint(0, 256, (1, 64, 64, 3), generator=generator, dtype=torch.uint8)
        encoded = model.encoder.encode(PROBE, picture)
        noise = torch.randn(2, model.autoencoder.channels, side, side, generator=generator)
        x, source = noise.to(unet.device, unet.dtype).split(1)
        sigma = torch.ones(1, dtype=unet.dtype, device=unet.device)
        return encoded, model.denoiser(x, source, sigma, states or encoded).float()


def _relative(after: torch.Tensor, before: torch.Tensor) -> float:
    before = before.float()
    return float((after.float() - before).norm() / before.norm().clamp_min(1e-12))
