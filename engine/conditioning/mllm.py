"""The vision-language encoder of the MLLM-edit family: Qwen3-VL states for an instruction and a frame.

What conditions the U-Net is the *raw* output of the last decoder layer, before the final norm
(DreamLite's reference read ``hidden_states[-1]`` under transformers 4.57, where that was the raw
state; since transformers 5 the same expression is normed). A hook on the layer gives the raw
state whatever the version. There is no language head, no padding to a fixed length (states are
padded afterwards), and the system turn runs once for a whole stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedTokenizerFast, Qwen3VLModel

from ..errors import CheckpointError, SettingError
from ..transfers import upload
from .fused_layers import fuse
from .prefix import CACHE, PrefixCache
from .states import TextStates
from .template import EDIT, GENERATE, IMAGE_PAD, VISION_START
from .vision import PictureTower


@dataclass(frozen=True)
class _Rows:
    """Token rows on the device, padded on the right.

    Attributes:
        tokens: (B, L), those that run.
        positions: (4, B, L): of the sequence, then time, row and column.
        mask: (B or 1, 1, L, all), -inf where a token doesn't look; None where causality alone says that.
        padded: whether rows are of unequal length.
        kept: int64 (B, context length), 1 where states are kept.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor | None
    padded: bool
    kept: torch.Tensor


class MLLMEncoder(nn.Module):
    """Tokenizer, chat template and Qwen3-VL in one call.

    Args:
        model: the inner ``Qwen3VLModel`` (no language head).
        tokenizer: Qwen2-type byte-level BPE with the vision tokens.
        image_side: side in pixels of the square picture that the vision tower sees.
        context_length: L, fixed so that a prompt change never changes a shape.
    """

    def __init__(
        self, model: Qwen3VLModel, tokenizer: PreTrainedTokenizerFast, image_side: int, context_length: int
    ) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.image_side = image_side
        self.context_length = context_length
        vision = model.config.vision_config
        self.patch, self.merge = vision.patch_size, vision.spatial_merge_size
        self.temporal = vision.temporal_patch_size
        self.image_token = model.config.image_token_id
        if image_side % (self.patch * self.merge):
            raise CheckpointError(
                f"The encoder's image side {image_side} is no multiple of its merged patch."
            )
        self.image_tokens = (image_side // (self.patch * self.merge)) ** 2
        fuse(model.language_model)
        self._prefix = PrefixCache(model)
        self._tower = PictureTower(model.visual, image_side // self.patch)
        self._raw: torch.Tensor | None = None
        self._pictures: tuple[slice, list[torch.Tensor]] = (slice(0), [])
        for number in range(len(vision.deepstack_visual_indexes)):
            model.language_model.layers[number].register_forward_hook(partial(self._add_pictures, number))
        model.language_model.layers[-1].register_forward_hook(self._keep_raw)
        self._rows = lru_cache(maxsize=4)(self._make_rows)  # a stream's chunks are asked the same

    def _add_pictures(self, layer: int, _module: nn.Module, _inputs: object, output: object) -> None:
        """DeepStack (arXiv 2406.04334); transformers waits for a mask that finds the pictures' tokens."""
        where, deeper = self._pictures
        if deeper:
            states = output[0] if isinstance(output, tuple) else output
            assert isinstance(states, torch.Tensor)
            states[:, where] += deeper[layer]

    def _keep_raw(self, _module: nn.Module, _inputs: object, output: object) -> None:
        self._raw = output[0] if isinstance(output, tuple) else output

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def working_values(self, frames: int) -> int:
        """Values that a layer of the language model holds while it reads a chunk of ``frames`` pictures."""
        config = self.model.config.text_config
        heads = (config.num_attention_heads + config.num_key_value_heads) * config.head_dim
        layer = 4 * config.hidden_size + 2 * heads + 3 * config.intermediate_size
        return frames * (self.context_length + self.image_tokens) * layer

    def token_ids(self, prompt: str | None, *, with_image: bool = True) -> tuple[list[int], int]:
        """The conversation's ids with the image placeholder widened, and how many leading ids to drop.

        For edits the kept part starts at the vision-start token (64 with the real tokenizer), for
        generation at the first user token (34).

        Raises:
            SettingError: the prompt is longer than the fixed context can hold.
        """
        template = EDIT if with_image else GENERATE
        ids = self.tokenizer(template.text(prompt), add_special_tokens=False)["input_ids"]
        if with_image:
            drop = ids.index(self.tokenizer.convert_tokens_to_ids(VISION_START))
            pad = self.tokenizer.convert_tokens_to_ids(IMAGE_PAD)
            at = ids.index(pad)
            ids = ids[:at] + [pad] * self.image_tokens + ids[at + 1 :]
        else:
            drop = len(self.tokenizer(template.head, add_special_tokens=False)["input_ids"])
        over = len(ids) - drop - self.context_length
        if over > 0:
            words = max(1, over * 3 // 4)
            raise SettingError(f"prompt is {over} tokens too long: take out about {words} words.")
        return ids, drop

    def encode(self, prompt: str | None, frames: torch.Tensor | None) -> TextStates:
        """Encode one instruction against one or more frames.

        Args:
            prompt: the user's words; None for the states of no instruction, which guidance needs.
            frames: uint8 (B, H, W, 3) on any device, or None to generate without a source.

        Returns:
            states (B, context_length, D) and their mask; B = 1 without frames.
        """
        ids, drop = self.token_ids(prompt, with_image=frames is not None)
        batch = 1 if frames is None else len(frames)
        return self.encode_ids([ids] * batch, [drop] * batch, frames)

    def encode_ids(self, ids: list[list[int]], drops: list[int], frames: torch.Tensor | None) -> TextStates:
        """Encode token rows of unequal length; see ``encode``.

        All rows drop as many and have their picture at the same place, as one template gives it.
        """
        batch, drop = len(ids), drops[0]
        start = self._prefix.shared(ids, drops)
        rows = self._rows(tuple(map(tuple, ids)), drop, start, self.device)
        language = self.model.language_model
        embedded = language.embed_tokens(rows.tokens)
        before = {CACHE: self._prefix.expanded(ids[0][:start], batch)} if start else {}
        if frames is not None:
            at = ids[0].index(self.image_token) - start
            where = slice(at, at + self.image_tokens)
            embedded[:, where], deeper = self._tower(self.patches_of(frames))
            self._pictures = (where, deeper)
        try:
            language(
                inputs_embeds=embedded,
                attention_mask=rows.mask,
                position_ids=rows.positions,
                use_cache=bool(start),
                **before,
            )
        finally:
            self._pictures = (slice(0), [])
        raw, self._raw = self._raw, None
        assert raw is not None
        states = raw[:, drop - start :]
        states = F.pad(states, (0, 0, 0, self.context_length - states.shape[1]))
        if rows.padded:
            states = torch.where(rows.kept[..., None] > 0, states, 0)
        return TextStates(states, rows.kept)

    @torch.inference_mode(False)
    def _make_rows(
        self, ids: tuple[tuple[int, ...], ...], drop: int, start: int, device: torch.device
    ) -> _Rows:
        lengths, pad = list(map(len, ids)), self.tokenizer.pad_token_id or 0
        longest = max(lengths)
        tokens = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in ids])
        counts = torch.tensor(lengths)[:, None]
        # The first row only counts: without it transformers before 5 takes the picture, whose tokens share
        # a time, for sequences packed into one, and masks them from each other.
        order = torch.arange(longest)[None]
        positions = torch.cat([order, self.positions_of(list(ids[0]), longest)])
        padded = min(lengths) < longest
        seen = order <= order.T[start:]
        seen = seen & (order < counts)[:, None] if padded else seen[None]
        mask = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)[:, None]
        return _Rows(
            upload(tokens[:, start:], device),
            upload(positions[:, None, start:], device).expand(-1, len(ids), -1),
            upload(mask.to(self.model.dtype), device) if padded or start else None,
            padded,
            upload((torch.arange(self.context_length) < counts - drop).long(), device),
        )

    def positions_of(self, ids: list[int], length: int) -> torch.Tensor:
        """Time, row and column of every token (3, length), the same for all rows of a batch.

        Words count on by one in all three; a picture of g x g tokens starts at the next number and
        uses up g of them (Qwen2-VL, arXiv 2409.12191, section 2.1: M-RoPE).
        """
        positions = torch.arange(length).expand(3, -1)
        if self.image_token in ids:
            at, side = ids.index(self.image_token), self.image_side // (self.patch * self.merge)
            row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
            picture = at + torch.stack([torch.zeros_like(row), row, column]).flatten(1)
            after = at + side + torch.arange(length - at - side * side)
            positions = torch.cat([positions[:, :at], picture, after.expand(3, -1)], dim=1)
        return positions

    def patches_of(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 (B, H, W, 3) to Qwen's flattened patches, (B * patches, C * temporal * patch * patch).

        The picture is squashed to a square, scaled to -1..1 and cut in the order that the patch
        merger wants: merged blocks row by row, inside them the patches row by row.
        """
        parameter = next(self.model.parameters())
        pictures = upload(frames, parameter.device).permute(0, 3, 1, 2).float()
        size = (self.image_side, self.image_side)
        pictures = F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
        pictures = pictures.round().clamp(0, 255) / 127.5 - 1.0
        batch, blocks = len(pictures), self.image_side // (self.patch * self.merge)
        cut = pictures.reshape(batch, 3, blocks, self.merge, self.patch, blocks, self.merge, self.patch)
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)
        cut = cut.unsqueeze(6).expand(*cut.shape[:6], self.temporal, self.patch, self.patch)
        return cut.reshape(batch * (blocks * self.merge) ** 2, -1).to(parameter.dtype)
