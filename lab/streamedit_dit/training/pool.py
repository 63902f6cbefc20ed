"""Sources and their right results as latents: styled clips, and edits of the procedural world."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.load import load_video_autoencoder
from ....engine.autoencoders.video import VideoAutoencoder
from ....engine.families.streamedit_dit.checkpoint import Description
from ....engine.motion.flow import optical_flow
from ....engine.motion.occlusion import visible
from ....engine.motion.warp import shrink_flow
from ...autoencoders.video_pairs import drawn_styles, open_windows
from ...training.graft import PatchMaps, graft
from ...world.edits import WorldEdit, draw_edit
from ...world.render import render
from ...world.scene import Scene, draw_scene

VARIANTS = 2
"""Right results of every clip: two styles, or two edits of a scene."""

Edit = str | tuple[Scene, WorldEdit]
"""What made a target of its source: a style's name, or a change of a scene."""


@dataclass(frozen=True)
class EditPool:
    """Clips of one size on disk, float16.

    Attributes:
        sources: (N, F, C, h, w).
        targets: (N, VARIANTS, F, C, h, w).
        motions: (N, F - 1, h, w, 3) how frame i + 1 came from frame i: the (x, y) in latent cells that
            lead back to where each cell was, and the share of it, 0..1, that was visible there.
        edits: (N, VARIANTS) entries, what made each target.
    """

    sources: np.ndarray
    targets: np.ndarray
    motions: np.ndarray
    edits: tuple[tuple[Edit, ...], ...]

    def __len__(self) -> int:
        return len(self.sources)


def encode_windows(windows: Path, autoencoder: VideoAutoencoder, folder: Path) -> EditPool:
    """The pool of ``video_pairs.paint_windows`` in ``windows``, encoded into ``folder``."""
    painted, recipe = open_windows(windows), json.loads((windows / "windows.json").read_text())
    edits = tuple(drawn_styles(recipe["seed"], index) for index in range(len(painted)))
    clips = (np.array(window) for window in painted)
    return _encoded(folder, recipe, clips, painted.shape[2:4], edits, autoencoder)


@dataclass(frozen=True)
class WorldRecipe:
    """Scenes to render: ``clips`` of ``frames`` frames (1 + 4 n), ``side`` pixels square."""

    clips: int = 240
    frames: int = 61
    side: int = 128
    seed: int = 7


def encode_worlds(recipe: WorldRecipe, autoencoder: VideoAutoencoder, folder: Path) -> EditPool:
    """Random scenes of training, each with one recolouring and one other background, into ``folder``."""
    scenes = [_scene(recipe.seed, index) for index in range(recipe.clips)]

    def clips() -> Iterator[np.ndarray]:
        for scene, edits in scenes:
            shown = (scene, *(edit.apply(scene) for edit in edits))
            yield np.stack([render(one, recipe.frames, recipe.side) for one in shown])

    edits = tuple(tuple((scene, edit) for edit in both) for scene, both in scenes)
    size = (recipe.frames, recipe.side)
    return _encoded(folder, {"world": asdict(recipe)}, clips(), size, edits, autoencoder)


def _scene(seed: int, index: int) -> tuple[Scene, tuple[WorldEdit, ...]]:
    rng = np.random.default_rng((seed, index, 6))
    scene = draw_scene(rng)
    return scene, (draw_edit(scene, rng, "recolour"), draw_edit(scene, rng, "background"))


def _encoded(
    folder: Path,
    recipe: dict[str, Any],
    clips: Iterable[np.ndarray],
    size: tuple[int, int],
    edits: tuple[tuple[Edit, ...], ...],
    autoencoder: VideoAutoencoder,
) -> EditPool:
    """Encode clips, uint8 (1 + VARIANTS, T, S, S, 3) each; reuses latents of an equal recipe and autoencoder.

    Args:
        size: (T, S).
    """
    weights = sum(float(p.double().square().sum()) for p in autoencoder.model.parameters())
    note = {"pool": recipe, "autoencoder": weights}
    count, frames = len(edits), 1 + (size[0] - 1) // autoencoder.temporal
    side = size[1] // autoencoder.spatial
    shapes = {
        "sources": (count, frames, autoencoder.channels, side, side),
        "targets": (count, VARIANTS, frames, autoencoder.channels, side, side),
        "motions": (count, frames - 1, side, side, 3),
    }
    written = folder / "pool.json"
    if not (written.exists() and json.loads(written.read_text()) == note):
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, shape)
            for name, shape in shapes.items()
        }
        for index, clip in enumerate(tqdm(clips, total=count, desc="latents")):
            arrays["sources"][index], *results = (_latents(autoencoder, film) for film in clip)
            arrays["targets"][index] = np.stack(results)
            arrays["motions"][index] = latent_motion(clip[0], autoencoder.temporal, side)
        for array in arrays.values():
            array.flush()
        written.write_text(json.dumps(note, indent=1))
    return EditPool(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes), edits)


def moved_weights(
    checkpoint: Path, autoencoder: VideoAutoencoder, latent_format: LatentFormat, films: np.ndarray
) -> dict[str, torch.Tensor]:
    """A checkpoint's weights, moved to another autoencoder; see ``training.graft``.

    Args:
        latent_format: of the new latents.
        films: uint8 RGB (N, T, S, S, 3), in which the two latent spaces are compared.
    """
    before = Description.read(checkpoint)
    old = load_video_autoencoder(checkpoint.parent / before.autoencoder, torch.bfloat16)
    shown = [np.array(film) for film in films[:: max(1, len(films) // 16)]]
    latents = [
        spread.normalise(torch.from_numpy(np.concatenate([_latents(each, film) for film in shown])))
        for each, spread in ((old, before.profile.latents), (autoencoder, latent_format))
    ]
    maps = PatchMaps.fit(*latents, patch=before.network.patch)
    return graft(before.load_network(checkpoint, torch.float32).state_dict(), maps)


@torch.no_grad()
def _latents(autoencoder: VideoAutoencoder, film: np.ndarray) -> np.ndarray:
    """A film from its beginning, uint8 (T, S, S, 3), to latents."""
    stream = autoencoder.for_stream()
    encoded = [stream.encode_chunk(torch.from_numpy(film)), stream.flush()]
    return torch.cat(encoded).float().numpy()


def latent_motion(film: np.ndarray, temporal: int, side: int) -> np.ndarray:
    """``EditPool.motions`` of one film, uint8 (1 + temporal * n, S, S, 3): float32 (n, side, side, 3).

    A latent frame is stood for by the last of the pictures it shows.
    """
    pairs = []
    for before, now in zip(film[::temporal], film[temporal::temporal], strict=False):
        back = optical_flow(now, before)
        seen = visible(back, optical_flow(before, now)).astype(np.float32)
        share = cv2.resize(seen, (side, side), interpolation=cv2.INTER_AREA)
        pairs.append(np.dstack([shrink_flow(back, side, side), share]))
    return np.stack(pairs)
