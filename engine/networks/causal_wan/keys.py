"""Names of tensors in public checkpoints, brought back to Wan's original ones, and the sizes they tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from ...errors import CheckpointError
from .config import CausalWanConfig

WRAPPERS = ("_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")
PREFIXES = ("model.diffusion_model.", "diffusion_model.", "transformer.", "model.")

# diffusers' names and the original ones, block by block; diffusers numbers norms in the order of calls
FROM_DIFFUSERS = (
    (r"^condition_embedder\.time_embedder\.linear_1\.", "time_embedding.0."),
    (r"^condition_embedder\.time_embedder\.linear_2\.", "time_embedding.2."),
    (r"^condition_embedder\.text_embedder\.linear_1\.", "text_embedding.0."),
    (r"^condition_embedder\.text_embedder\.linear_2\.", "text_embedding.2."),
    (r"^condition_embedder\.time_proj\.", "time_projection.1."),
    (r"^scale_shift_table$", "head.modulation"),
    (r"^proj_out\.", "head.head."),
    (r"\.scale_shift_table$", ".modulation"),
    (r"\.ffn\.net\.0\.proj\.", ".ffn.0."),
    (r"\.ffn\.net\.2\.", ".ffn.2."),
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_out\.0\.", ".o."),
    (r"\.to_([qkv])\.", r".\1."),
)


def original_name(name: str) -> str:
    """A tensor's or a LoRA target's name without what training and packaging put around it."""
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    if "condition_embedder." in name or ".attn1." in name or ".attn2." in name or _only_in_diffusers(name):
        for pattern, original in FROM_DIFFUSERS:
            name = re.sub(pattern, original, name)
    return name


def _only_in_diffusers(name: str) -> bool:
    return "scale_shift_table" in name or name.startswith("proj_out.") or ".ffn.net." in name


def original_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """All tensors under their original names; fused ``to_qkv`` weights (Krea) are taken apart.

    Raises:
        CheckpointError: a branch that these networks do not have (image-to-video, VACE).
    """
    diffusers = any(".attn1." in name for name in tensors)
    named: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        name = original_name(name)
        if diffusers:  # the affine norm's own name is the one thing that tells nothing by itself
            name = re.sub(r"^(blocks\.\d+)\.norm2\.", r"\1.norm3.", name)
        if fused := re.fullmatch(r"(.*self_attn\.)to_qkv\.(weight|bias)", name):
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                named[f"{fused[1]}{part}.{fused[2]}"] = piece
        else:
            named[name] = tensor
    for part, what in (
        ("img_emb.", "image-to-video"),
        ("vace_", "VACE"),
        ("cross_attn.k_img", "image-to-video"),
    ):
        if any(part in name for name in named):
            raise CheckpointError(f"This is a Wan {what} checkpoint: use a text-to-video one.")
    return named


def infer_config(tensors: Mapping[str, torch.Tensor], heads: int = 0) -> CausalWanConfig:
    """The sizes that tensors under original names have.

    Args:
        heads: attention heads; tensors don't tell, so 0 takes Wan's head width of 128.

    Raises:
        CheckpointError: they are no Wan transformer's.
    """
    try:
        patch, head = tensors["patch_embedding.weight"], tensors["head.head.weight"]
        dim = patch.shape[0]
        return CausalWanConfig(
            in_channels=patch.shape[1],
            out_channels=head.shape[0] // (patch.shape[3] * patch.shape[4]),
            dim=dim,
            ffn_dim=tensors["blocks.0.ffn.0.weight"].shape[0],
            freq_dim=tensors["time_embedding.0.weight"].shape[1],
            text_dim=tensors["text_embedding.0.weight"].shape[1],
            heads=heads or max(1, dim // 128),
            layers=len({name.split(".")[1] for name in tensors if name.startswith("blocks.")}),
        )
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"This is no Wan transformer: it has no usable {error}.") from error
