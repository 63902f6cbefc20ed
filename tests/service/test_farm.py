"""scripts/farm.py on a real Ray cluster of two nodes: real clips with sound, real processes, real kills."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from farm_process import assert_same, farm, finished, on_one_machine, said
from ray_cluster import ray_cluster
from sample_clips import make_clip
from service_process import workflow
from two_scenes import make_scenes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's cluster for tests is for Linux")

SCENES = (26, 30)
"""Their cut lies inside a chunk of four frames."""

NODES = {"StreamDenoise": {"width": 64, "height": 64}, "LoadStreamModel": {"dtype": "fp32"}}
"""With auto a busy machine may measure otherwise from run to run."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ray_cluster(2, tmp_path_factory.mktemp("cache")) as address:
        yield address


def _reading(name: str, **widgets: dict) -> dict:
    return workflow(FrameStreamIO={"file": name}, **NODES | widgets)


def test_clips_are_those_of_one_machine_and_a_broken_one_is_named(cluster: str, tmp_path: Path) -> None:
    cut = make_scenes(tmp_path / "cut.mp4", SCENES)
    plain = make_clip(tmp_path / "plain.mp4", frames=30, size=(64, 64))
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    graph = _reading("example: flower")
    first = farm(tmp_path, graph, cut, tmp_path / "broken.mp4", plain)
    log = said(first)
    assert first.returncode == 1 and "Traceback" not in log
    assert "broken.mp4: " in log and "cut.mp4: 2 of 2 pieces to render" in log
    for clip in (cut, plain):
        expected = on_one_machine(tmp_path / clip.stem, _reading(clip.name), clip)
        assert_same(finished(tmp_path, clip.stem), expected)
    assert not list((tmp_path / "farm" / "output" / ".farm").glob("*/*.mkv"))

    again = said(farm(tmp_path, graph, cut, plain))
    assert again.count("is there") == 2 and "to render" not in again
    made = finished(tmp_path, "plain")
    said(farm(tmp_path, _reading("", MLLMEncode={"prompt": "make it a woodcut"}), plain))
    other = [path for path in made.parent.glob("plain_*.mp4") if path != made]
    assert len(other) == 1 and other[0].read_bytes() != made.read_bytes()


def test_it_goes_on_where_it_was_killed(cluster: str, tmp_path: Path) -> None:
    clip = make_scenes(tmp_path / "film.mp4", [24] * 12, size=(96, 96))
    larger = {"StreamDenoise": {"width": 128, "height": 128}}
    first = farm(tmp_path, _reading("", **larger), clip)
    work = tmp_path / "farm" / "output" / ".farm"
    deadline = time.monotonic() + 300
    while not list(work.glob("*/*-*.mkv")):
        assert time.monotonic() < deadline and first.poll() is None, said(first)
        time.sleep(0.01)
    first.kill()
    first.wait()
    assert not list((tmp_path / "farm" / "output").glob("film_*.mp4"))

    second = farm(tmp_path, _reading("", **larger), clip)
    log = said(second)
    assert second.returncode == 0, log
    left = re.search(r"film.mp4: (\d+) of 12 pieces to render", log)
    assert left and int(left[1]) < 12, log
    expected = on_one_machine(tmp_path / "one", _reading(clip.name, **larger), clip)
    assert_same(finished(tmp_path, "film"), expected)


def test_a_take_is_rendered_as_it_was_played(cluster: str, tmp_path: Path) -> None:
    clip = make_scenes(tmp_path / "cut.mp4", SCENES)
    take = tmp_path / "show.take.jsonl"
    header = {"format": "livestyle-take", "version": 1, "first": 4, "values": {"4.strength": 1.0}}
    change = {"frame": 20, "pts": 20 / 24, "key": "4.strength", "value": 0.25}
    take.write_text("\n".join(map(json.dumps, (header, change, {"end": 48}))) + "\n")
    one = on_one_machine(tmp_path / "one", _with_take(_reading(clip.name), take.name), clip, take)
    (tmp_path / "farm" / "input").mkdir(parents=True)
    (tmp_path / "farm" / "input" / clip.name).hardlink_to(clip)
    process = farm(tmp_path, _reading(clip.name), take)
    assert "2 of 2 pieces" in said(process) and process.returncode == 0
    assert_same(finished(tmp_path, "show"), one)


def _with_take(graph: dict, name: str) -> dict:
    writing = next(node for node in graph.values() if "frames" in node["inputs"] and "mode" in node["inputs"])
    writing["inputs"]["take"] = name
    return graph


def test_a_model_with_a_memory_stays_whole(cluster: str, tmp_path: Path) -> None:
    clip = make_scenes(tmp_path / "cut.mp4", SCENES)
    kept = {"MLLMEncode": {"te_refresh_every": 2}}
    process = farm(tmp_path, _reading("", **kept), clip)
    log = said(process)
    assert process.returncode == 0 and "pieces" not in log, log
    assert_same(
        finished(tmp_path, "cut"), on_one_machine(tmp_path / "one", _reading(clip.name, **kept), clip)
    )
