"""Moves a trained transformer to another autoencoder's latents.

Patches of the new latents are mapped linearly to those of the old ones, and back. Folded into the first and
the last layer, the maps leave all layers between as they were: a short training does, in place of a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange

RIDGE = 1e-3  # by the mean square of a value, for directions that hardly vary


@dataclass(frozen=True)
class PatchMaps:
    """Linear maps between the values of a patch in two latent spaces, channels first.

    Attributes:
        into: (old values, new values), from new patches to old ones.
        back: (new values, old values).
        patch: its side.
    """

    into: torch.Tensor
    back: torch.Tensor
    patch: int

    @classmethod
    def fit(cls, old: torch.Tensor, new: torch.Tensor, patch: int) -> PatchMaps:
        """Least squares over latents (N, C, h, w) of the same pictures."""
        before, after = _patches(old, patch), _patches(new, patch)
        return cls(_solve(after, before), _solve(before, after), patch)

    def embedding(self, weight: torch.Tensor) -> torch.Tensor:
        """A convolution's weight, (width, k C, p, p) or with a time axis of 1, for k stacked latents."""
        channels, p = self.into.shape[0] // self.patch**2, self.patch
        old = rearrange(weight.reshape(*weight.shape[:2], p, p), "o (k c) p q -> o k (c p q)", c=channels)
        new = rearrange(old @ self.into, "o k (c p q) -> o (k c) p q", p=p, q=p)
        return new.reshape(*new.shape[:2], *weight.shape[2:])

    def head(self, values: torch.Tensor, channels_last: bool = False) -> torch.Tensor:
        """A last layer's weight or bias, (old values, ...); a patch has its channels first or last in it."""
        p = self.patch
        if channels_last:
            values = rearrange(values, "(p q c) ... -> (c p q) ...", p=p, q=p)
        mapped = torch.tensordot(self.back, values, 1)
        return rearrange(mapped, "(c p q) ... -> (p q c) ...", p=p, q=p) if channels_last else mapped


def graft(
    state: Mapping[str, torch.Tensor], maps: PatchMaps, channels_last: bool = False
) -> dict[str, torch.Tensor]:
    """A network's state with ``patch_embedding`` and ``head``, or ``head.head``, moved.

    Args:
        channels_last: of a patch in the head's values.
    """
    moved = dict(state)
    embedding = "patch_embedding.weight"
    moved[embedding] = maps.embedding(state[embedding].float())
    head = "head.head" if "head.head.weight" in state else "head"
    for name in (f"{head}.weight", f"{head}.bias"):
        moved[name] = maps.head(state[name].float(), channels_last)
    return moved


def _patches(latents: torch.Tensor, patch: int) -> torch.Tensor:
    return rearrange(latents.double(), "n c (h p) (w q) -> (n h w) (c p q)", p=patch, q=patch)


def _solve(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The matrix M that brings ``given`` nearest to ``wanted``: wanted = M given for each row."""
    square = given.T @ given
    square.diagonal().add_(RIDGE * square.diagonal().mean())
    return torch.linalg.solve(square, given.T @ wanted).T.float()
