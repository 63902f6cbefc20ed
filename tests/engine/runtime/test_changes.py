"""What an edited graph changes on a stream that plays, and what it can't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import StyleTimeline
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, TemporalAdapter
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Trim
from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.runtime.changes import NeedsRestart, changes
from livestyle.engine.runtime.plan import FlowBlend, PlanNode, Read, Stylise, Write

STYLES = StyleTimeline(
    (ConditioningRecipe("oil", node_id="p1"), ConditioningRecipe("ink", node_id="p2")), node_id="s"
)
DENOISE = Stylise(
    ModelHandle("a", lora="l", patches=(TemporalAdapter("t", node_id="t"),), node_id="m"),
    STYLES,
    DenoiseSettings(advanced=(("cache_sink", 2),)),
)
LIVE = {
    "d.strength",
    "d.seed",
    "m.lora_strength",
    "t.multiplier",
    "p1.prompt",
    "p2.prompt",
    "s.active",
    "b.blend",
}


def plan(
    denoise: Stylise = DENOISE,
    blend: FlowBlend = FlowBlend(),  # noqa: B008 - immutable
    source: SourceSpec = SourceSpec("file", "clip.mp4"),  # noqa: B008
    sink: SinkSpec = SinkSpec("out_00001_.mp4"),  # noqa: B008
) -> PlanNode:
    read = PlanNode(Read(source), (), "r")
    return PlanNode(Write(sink), (PlanNode(blend, (PlanNode(denoise, (read,), "d"),), "b"),), "w")


def styled(number: int, recipe: ConditioningRecipe, **fields: object) -> Stylise:
    styles = list(STYLES.styles)
    styles[number - 1] = recipe
    return replace(DENOISE, conditioning=replace(STYLES, styles=tuple(styles), **fields))


def test_the_same_graph_changes_nothing() -> None:
    other_file = SinkSpec("out_00002_.mp4", metadata=(("prompt", "{}"),))
    found = changes(plan(), plan(sink=other_file), LIVE)
    assert (found.values, found.conditioning) == ({}, {})


def test_live_values_are_told_by_key() -> None:
    patch = replace(DENOISE.model.patches[0], multiplier=2.0)
    model = replace(DENOISE.model, lora_strength=0.5, patches=(patch,))
    edited = styled(2, replace(STYLES.styles[1], prompt="pencil"), active=2)
    edited = replace(edited, model=model, settings=replace(DENOISE.settings, strength=0.25, seed=7))
    found = changes(plan(), plan(edited, FlowBlend(blend=0.75)), LIVE)
    assert found.conditioning == {}
    assert found.values == {
        **{"d.strength": 0.25, "d.seed": 7, "m.lora_strength": 0.5, "t.multiplier": 2.0},
        **{"p2.prompt": "pencil", "s.active": 2, "b.blend": 0.75},
    }


def test_other_pictures_and_embeddings_are_conditioning() -> None:
    def shown(value: float, fingerprint: str) -> Stylise:
        picture = (torch.full((4, 4, 3), value),)
        return styled(1, replace(STYLES.styles[0], references=picture, fingerprint=fingerprint))

    found = changes(plan(shown(0.0, "a")), plan(shown(1.0, "b")), LIVE)
    assert found.values == {}
    assert found.conditioning["d"].styles[0].references[0].max() == 1.0
    weaker = styled(2, replace(STYLES.styles[1], reference_strength=0.5))
    assert set(changes(plan(), plan(weaker), LIVE).conditioning) == {"d"}


def _another_node() -> PlanNode:
    changed = plan()
    (blend,) = changed.parents
    return replace(changed, parents=blend.parents)


@pytest.mark.parametrize(
    ("edited", "what", "node"),
    [
        (lambda: plan(replace(DENOISE, settings=replace(DENOISE.settings, width=64))), "width", "d"),
        (lambda: plan(source=SourceSpec("file", "clip.mp4", trim=Trim(fps=12))), "fps", "r"),
        (lambda: plan(source=SourceSpec("file", "clip.mp4", trim=Trim(every_nth=2))), "every_nth", "r"),
        (lambda: plan(source=LiveSpec("pushed", "The browser's camera")), "source", "r"),
        (lambda: plan(sink=SinkSpec("out_00001_.mp4", quality=30)), "quality", "w"),
        (lambda: plan(blend=FlowBlend(flow=FlowSettings(scale=1.0))), "scale", "b"),
        (lambda: plan(replace(DENOISE, model=replace(DENOISE.model, run_on="cluster"))), "run_on", "d"),
        (_another_node, "connections", "b"),
    ],
)
def test_anything_else_needs_a_restart_and_is_named(
    edited: Callable[[], PlanNode], what: str, node: str
) -> None:
    with pytest.raises(NeedsRestart) as refused:
        changes(plan(), edited(), LIVE)
    assert (refused.value.what, refused.value.node_id) == (what, node)


@pytest.mark.parametrize(
    ("edited", "called"),
    [
        (replace(DENOISE, model=replace(DENOISE.model, checkpoint="b", fingerprint="b")), ("checkpoint",)),
        (replace(DENOISE, model=replace(DENOISE.model, fingerprint="newer")), ("file",)),
        (replace(DENOISE, model=replace(DENOISE.model, patches=())), ("adapters",)),
        (replace(DENOISE, settings=DenoiseSettings(steps=4)), ("advanced", "steps")),
        (styled(1, STYLES.styles[0], policy="blend"), ("policy",)),
        (replace(DENOISE, conditioning=STYLES.styles[0]), ("conditioning",)),
        (styled(2, replace(STYLES.styles[1], references=(0,))), ("references",)),
    ],
)
def test_what_a_runner_is_made_with_needs_another_one(edited: Stylise, called: tuple[str, ...]) -> None:
    found = changes(plan(), plan(edited), LIVE)
    assert set(called) <= set(found.models["d"]) and found.conditioning == {}


@pytest.mark.parametrize(
    "source",
    [
        SourceSpec("file", "other.mp4"),
        SourceSpec("file", "clip.mp4", fingerprint="newer", trim=Trim(start=2)),
        LiveSpec("camera", "front"),
    ],
)
def test_another_source_joins(source: SourceSpec) -> None:
    found = changes(plan(), plan(source=source), LIVE)
    assert found.sources == {"r": Read(source)} and not (found.models or found.values)
    remote = replace(DENOISE, model=replace(DENOISE.model, run_on="cluster"))
    with pytest.raises(NeedsRestart):
        changes(plan(remote), plan(remote, source=source), LIVE)


def test_steps_are_live_where_the_model_says_so() -> None:
    edited = plan(replace(DENOISE, settings=replace(DENOISE.settings, steps=4)))
    assert changes(plan(), edited, {*LIVE, "d.steps"}).values == {"d.steps": 4}
    assert changes(plan(), edited, LIVE).models == {"d": ("steps",)}
