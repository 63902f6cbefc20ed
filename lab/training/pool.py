"""Pools on disk: arrays that a recipe makes once, memory-mapped, and reused while the recipe is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm


def open_pool(folder: Path, name: str) -> np.ndarray:
    """The array ``<name>.npy`` of a pool, read-only."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def painted_pool(
    folder: Path,
    name: str,
    recipe: Mapping[str, Any],
    shape: tuple[int, ...],
    sources: Iterable[np.ndarray],
    paint: Callable[[np.ndarray, int], None],
    workers: int,
) -> np.ndarray:
    """Sources and what is painted of each; an equal pool that is there already is opened instead.

    Args:
        folder, name: where ``<name>.npy`` goes, and ``<name>.json``, written last, with the recipe.
        recipe: all that the pool depends on, JSON-able.
        shape: (entries, variants, ...) of uint8 values; variant 0 is the source itself.
        sources: one for each entry; not touched where the pool is there.
        paint: fills the other variants, given an entry (variants, ...) and its index.
        workers: painting threads (OpenCV and the teacher release the GIL).

    Returns:
        The pool, read-only.
    """
    note = folder / f"{name}.json"
    if note.exists() and json.loads(note.read_text()) == recipe:
        return open_pool(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    pool = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape)
    count = shape[0]
    for index, source in enumerate(tqdm(sources, total=count, desc="sources")):
        pool[index, 0] = source
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(workers) as executor:
        jobs = executor.map(lambda index: paint(pool[index], index), range(count))
        for _ in tqdm(jobs, total=count, desc="targets"):
            pass
    pool.flush()
    note.write_text(json.dumps(recipe, indent=1))
    return open_pool(folder, name)
