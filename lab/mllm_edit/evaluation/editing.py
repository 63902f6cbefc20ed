"""How well an MLLM-edit checkpoint edits: change explained, styles told apart, prompts understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import Chunk, DenoiseSettings
from ....engine.families.mllm_edit.model import MLLMEditModel
from ....engine.media.types import Frames
from ...evaluation.prompts import ASK
from ...metrics.change import apply_colour_map, best_colour_map, explained_change, psnr, squared_error
from ...metrics.perceptual import EfficientNetLite0, distance
from ...styles import SCREEN_LOCKED, STYLES, stylise
from ...training.clips import centre_crop, sample_frames
from ...training.splits import SUFFIXES

COLOUR_STYLES = ("sepia", "thermal")  # a colour map may explain these: no margin is asked of them


@dataclass
class Judge:
    """Sources, their targets in all styles, and the candidates an output is compared with."""

    sources: np.ndarray
    targets: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    trunk: EfficientNetLite0
    features: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    @classmethod
    def paint(cls, sources: np.ndarray) -> Judge:
        """Paint all targets of uint8 (N, H, W, 3) sources and fit each style's colour map."""
        targets = {
            style: np.stack([stylise(source, style) for source in sources])
            for style in tqdm(STYLES, desc="targets", leave=False)
        }
        maps = {style: best_colour_map(sources, target) for style, target in targets.items()}
        judge = cls(sources, targets, maps, EfficientNetLite0())
        judge.features = {
            name: judge.trunk.features(t) for name, t in [*targets.items(), ("source", sources)]
        }
        return judge

    def nearest_share(self, style: str, outputs: np.ndarray, picks: np.ndarray | None = None) -> float:
        """Share of outputs whose nearest candidate is the target of ``style``.

        Candidates of a frame are its targets in all styles, the source, and the source under the
        style's best colour map; the distance is ``metrics.perceptual.distance``.
        """
        rows = np.arange(len(self.sources)) if picks is None else picks
        mine = self.trunk.features(outputs)
        mapped = self.trunk.features(apply_colour_map(self.sources[rows], self.maps[style]))
        names = list(self.features)
        table = [distance(mine, [level[rows] for level in self.features[name]]) for name in names]
        table.append(distance(mine, mapped))
        return float((torch.stack(table).argmin(0) == names.index(style)).float().mean())


def evaluation_frames(clips: Path, per_clip: int, size: int) -> np.ndarray:
    """Frames evenly over every clip of a folder, centre-cropped: uint8 (N, size, size, 3)."""
    videos = sorted(p for p in clips.iterdir() if p.suffix in SUFFIXES)
    if not videos:
        raise FileNotFoundError(f"No video in {clips}: name a folder of clips with --clips.")
    frames = [frame for video in videos for frame in sample_frames(video, per_clip, size)]
    return np.stack([centre_crop(frame, size) for frame in frames])


@torch.inference_mode()
def edit(model: MLLMEditModel, frames: np.ndarray, prompt: str, steps: int = 1, batch: int = 8) -> np.ndarray:
    """Run unrelated frames through the model's own runner, each encoded on its own."""
    height, width = frames.shape[1:3]
    settings = DenoiseSettings(steps=steps, chunk=min(batch, len(frames)))
    recipe = ConditioningRecipe(prompt=prompt, te_refresh_every=1, te_batch_one=False, node_id="text")
    runner = make_runner(
        model,
        StreamRequest(settings, recipe, node_id="denoise", model_node_id="model", width=width, height=height),
    )
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}
    outputs = []
    for start in range(0, len(frames), settings.chunk):
        part = frames[start : start + settings.chunk]
        valid = len(part)
        part = np.concatenate([part, np.repeat(part[-1:], settings.chunk - valid, 0)])
        chunk = Chunk(
            start // settings.chunk, Frames(part, start, (Fraction(0),) * len(part)), valid, start, live
        )
        outputs.append(runner.decode(runner.denoise(runner.encode(chunk), live))[:valid])
    return np.concatenate(outputs)


@torch.inference_mode()
def reconstruct(model: MLLMEditModel, frames: np.ndarray) -> np.ndarray:
    """Through the autoencoder and back, uint8."""
    parts = [
        model.autoencoder.decode_chunk(
            model.autoencoder.encode_chunk(torch.from_numpy(frames[i : i + 8]))
        ).numpy()
        for i in range(0, len(frames), 8)
    ]
    return np.concatenate(parts)


def measure(model: MLLMEditModel, judge: Judge, steps: int, dump: Path | None = None) -> dict:
    """The style measures of one checkpoint; see docs/measures.md for each key."""
    plain = reconstruct(model, judge.sources)
    styles = {}
    for style in tqdm(STYLES, desc="styles"):
        target = judge.targets[style]
        output = edit(model, judge.sources, ASK[style], steps)
        ceiling = squared_error(reconstruct(model, target), target)
        unchanged = squared_error(plain, target)
        mapped = squared_error(apply_colour_map(judge.sources, judge.maps[style]), target)
        styles[style] = {
            "explained_change": explained_change(squared_error(output, target), ceiling, unchanged),
            "colour_map_change": explained_change(mapped, ceiling, unchanged),
            "autoencoder_ceiling_db": psnr(ceiling),
            "output_db": psnr(squared_error(output, target)),
            "style_nearest_share": judge.nearest_share(style, output),
        }
        if dump:
            _dump(dump, style, judge.sources, target, output)
    same = edit(model, judge.sources, "", steps)
    if dump:
        _dump(dump, "none", judge.sources, judge.sources, same)
    free = [style for style in STYLES if style not in SCREEN_LOCKED]
    margins = {s: styles[s]["explained_change"] - styles[s]["colour_map_change"] for s in free}
    return {
        "explained_change_mean": float(np.mean([styles[s]["explained_change"] for s in free])),
        "explained_change_screen_locked": {s: styles[s]["explained_change"] for s in SCREEN_LOCKED},
        "colour_map_margin_min": min(margin for s, margin in margins.items() if s not in COLOUR_STYLES),
        "autoencoder_ceiling_db": float(np.mean([styles[s]["autoencoder_ceiling_db"] for s in STYLES])),
        "style_nearest_share": float(np.mean([styles[s]["style_nearest_share"] for s in STYLES])),
        "style_nearest_min": min(styles[s]["style_nearest_share"] for s in STYLES),
        "identity_psnr_db": psnr(squared_error(same, judge.sources)),
        "identity_ceiling_db": psnr(squared_error(plain, judge.sources)),
        "styles": styles,
    }


def measure_prompts(
    model: MLLMEditModel,
    judge: Judge,
    prompts: Mapping[str, Mapping[str, Iterable[str]]],
    steps: int,
    frames: int = 4,
) -> dict:
    """Share of outputs that carry the style that was asked for, over unseen sentences and words.

    Args:
        prompts: ``{style: {"sentences": [...], "words": [...]}}``.
        frames: how many of the judge's frames each phrase is tried on.
    """
    picks = np.unique(np.linspace(0, len(judge.sources) - 1, frames).astype(int))
    phrases: dict[str, dict[str, dict[str, float]]] = {}
    for style, kinds in tqdm(prompts.items(), desc="prompts"):
        if style not in STYLES:
            raise ValueError(f"--prompts names the style {style!r}; known are {', '.join(STYLES)}.")
        phrases[style] = {
            kind: {
                p: judge.nearest_share(style, edit(model, judge.sources[picks], p, steps), picks)
                for p in group
            }
            for kind, group in kinds.items()
        }
    result: dict = {"prompts": phrases}
    for kind, key in (("sentences", "prompt_sentence_share"), ("words", "prompt_word_share")):
        shares = [share for style in phrases.values() for share in style.get(kind, {}).values()]
        if shares:
            result[key] = float(np.mean(shares))
    return result


def _dump(folder: Path, style: str, sources: np.ndarray, targets: np.ndarray, outputs: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, pictures in enumerate(zip(sources, targets, outputs, strict=True)):
        for name, picture in zip(("source", "target", "output"), pictures, strict=True):
            cv2.imwrite(str(folder / f"{style}_{index:03d}_{name}.png"), picture[..., ::-1])
