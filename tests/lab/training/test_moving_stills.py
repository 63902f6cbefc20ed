"""Camera moves and procedural pictures."""

from __future__ import annotations

import numpy as np

from livestyle.engine.motion.flow import optical_flow
from livestyle.lab.training.camera import camera_move
from livestyle.lab.training.textures import draw_texture


def test_a_camera_moves_steadily_over_a_picture() -> None:
    picture = draw_texture(256, np.random.default_rng(1))
    moves = []
    for seed in range(6):
        clip = camera_move(picture, 9, 96, np.random.default_rng(seed))
        assert clip.shape == (9, 96, 96, 3) and clip.dtype == np.uint8
        flows = [optical_flow(a, b)[24:72, 24:72].mean((0, 1)) for a, b in zip(clip, clip[1:], strict=False)]
        moves.append(np.array(flows))
        again = camera_move(picture, 9, 96, np.random.default_rng(seed))
        assert np.array_equal(clip, again)
    paces = [np.linalg.norm(flows.mean(0)) for flows in moves]
    assert max(paces) > 0.5
    # the same way all along: what changes from pair to pair is small beside the move
    steadiest = [flows.std(0).max() / pace for flows, pace in zip(moves, paces, strict=True) if pace > 0.5]
    assert np.median(steadiest) < 0.6


def test_textures_differ_in_colour_and_detail() -> None:
    textures = [draw_texture(96, np.random.default_rng(seed)) for seed in range(8)]
    assert all(texture.shape == (96, 96, 3) and texture.dtype == np.uint8 for texture in textures)
    means = np.stack([texture.mean((0, 1)) for texture in textures])
    assert means.std(0).min() > 10
    assert all(texture.std() > 5 for texture in textures)
