"""Plans: equality, digests, order."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
from runtime_stubs import read, stylise, write

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.families.base import DenoiseSettings, ModelHandle
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Trim
from livestyle.engine.runtime.plan import PlanNode, Read, Stylise

SNIPPET = """
import sys
sys.path.insert(0, sys.argv[1])
import pack
pack.load_pack()
sys.path.insert(0, sys.argv[2])
from runtime_stubs import read, stylise, write
print(write(stylise(read(), strength=0.5)).digest())
"""


def file_node(**options: object) -> PlanNode:
    return PlanNode(Read(SourceSpec("file", "clip.mp4", **options)), (), "1")


def test_equal_nodes_are_one_in_a_plan():
    one, other = read(), read()
    assert one is not other and one == other and hash(one) == hash(other)
    plan = write(stylise(one), compare="wipe", other=other)
    assert [type(node.operation).__name__ for node in plan.walk()] == ["Read", "Stylise", "Write"]


def test_parents_come_before_children():
    shared = read()
    plan = write(stylise(shared, "2"), compare="side_by_side", other=stylise(shared, "3"))
    nodes = list(plan.walk())
    assert [node.node_id for node in nodes] == ["1", "2", "3", "9"]
    for position, node in enumerate(nodes):
        assert all(nodes.index(parent) < position for parent in node.parents)


@pytest.mark.parametrize(
    "changed",
    [
        file_node(trim=Trim(start=1.0)),
        file_node(fingerprint="2"),
        replace(file_node(), node_id="2"),
        PlanNode(Read(SourceSpec("file", "clip.mp4"), "letterbox"), (), "1"),
    ],
)
def test_what_differs_has_another_digest(changed: PlanNode):
    assert changed.digest() != file_node().digest()
    assert changed != file_node()


@pytest.mark.slow
def test_digest_is_the_same_in_another_process(pytestconfig: pytest.Config):
    root = pytestconfig.rootpath
    command = [sys.executable, "-c", SNIPPET, str(root / "scripts"), str(root / "tests" / "support")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.split()[-1] == write(stylise(read(), strength=0.5)).digest()


class Untouchable:
    """A payload that must not be looked at."""

    def __repr__(self) -> str:
        raise AssertionError("printed")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __hash__ = None


def test_payloads_are_never_looked_at():
    recipe = ConditioningRecipe("oil", references=(Untouchable(),), external=Untouchable(), fingerprint="r")
    one = stylise_with(recipe, file_node(payload=Untouchable(), fingerprint="a"))
    small = replace(recipe, references=())
    assert stylise_with(small, file_node(fingerprint="a")) == one
    assert stylise_with(small, file_node(fingerprint="b")) != one


def stylise_with(recipe: ConditioningRecipe, parent: PlanNode) -> PlanNode:
    return PlanNode(Stylise(ModelHandle("stub"), recipe, DenoiseSettings()), (parent,), "2")


def test_deep_diamonds_are_quick():
    node = read()
    for depth in range(60):
        node = write(stylise(node, f"s{depth}"), f"w{depth}", compare="wipe", other=node)
    assert len(list(node.walk())) == 121


def test_patches_take_part():
    @dataclass(frozen=True)
    class Adapter:
        multiplier: float

    one, other = (
        PlanNode(Stylise(ModelHandle("stub", patches=(Adapter(m),)), ConditioningRecipe(), DenoiseSettings()))
        for m in (0.5, 1.0)
    )
    assert one.digest() != other.digest()


def test_values_without_a_stable_digest_are_refused():
    node = PlanNode(
        Stylise(ModelHandle("stub", patches=(object(),)), ConditioningRecipe(), DenoiseSettings())
    )
    with pytest.raises(TypeError, match="object has no stable digest"):
        node.digest()


def test_a_comparison_that_is_off_is_left_out():
    plan = write(stylise(read()), other=read(node_id="other"))
    assert [node.node_id for node in plan.walk()] == ["1", "2", "9"]


def test_a_write_passes_its_stream_on():
    styled = stylise(read())
    chain = write(write(styled, "8"), "9")
    assert chain.stream == styled
    assert chain.origin == read()
