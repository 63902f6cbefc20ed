"""The executor on nodes of its own; what it says of files that are no workflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livestyle.engine.errors import LiveStyleError, SettingError
from livestyle.service.executor import Executor, read_graph
from livestyle.service.node_api import Blocked, io


class Number(io.ComfyNode):
    calls = 0

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(node_id="Number", inputs=[io.Int.Input("value", optional=True)])

    @classmethod
    def execute(cls, value: int = 7) -> Any:
        Number.calls += 1
        return io.NodeOutput(value, Blocked("There is no second number."))


class Sum(io.ComfyNode):
    done: list[tuple[str, int]] = []

    @classmethod
    def define_schema(cls) -> Any:
        sockets = [io.Image.Input("left"), io.Image.Input("right")]
        return io.Schema(node_id="Sum", inputs=sockets, is_output_node=True)

    @classmethod
    def execute(cls, left: int, right: int) -> Any:
        Sum.done.append((cls.hidden.unique_id, left + right))
        return io.NodeOutput(left + right)


def _graph(left: Any, right: Any, **more: Any) -> dict[str, Any]:
    number = {"class_type": "Number", "inputs": {"value": "3", "unknown": 1}}
    return {"1": number, "2": {"class_type": "Sum", "inputs": {"left": left, "right": right, **more}}}


def _run(graph: dict[str, Any]) -> None:
    Executor(graph, [Number, Sum], lambda: None).run()


def test_each_node_runs_once_and_unknown_inputs_are_left_out() -> None:
    Number.calls, Sum.done = 0, []
    _run(_graph(["1", 0], ["1", 0]))
    assert Number.calls == 1 and Sum.done == [("2", 6)]


@pytest.mark.parametrize(
    ("graph", "line"),
    [
        (_graph(["1", 0], ["1", 1]), "Sum 2: There is no second number."),
        (_graph(["1", 0], ["1", 2]), "output 2, which node 1 has not"),
        (_graph(["1", 0], ["2", 0]), "Node 2 is linked to itself"),
        (_graph(["1", 0], 4), "right of node 2 takes a link"),
        ({"1": {"class_type": "CLIPLoader", "inputs": {}}}, "CLIPLoader, which only ComfyUI has"),
        ({"1": {"class_type": "Number", "inputs": {}}}, "writes nothing"),
        ({"2": {"class_type": "Sum", "inputs": {}}}, "Sum has no left and no right"),
    ],
)
def test_what_is_wrong_is_said(graph: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingError, match=line):
        _run(graph)


def test_another_librarys_error_is_one_line_that_names_the_node() -> None:
    class Broken(Sum):
        @classmethod
        def execute(cls, left: int, right: int) -> Any:
            raise ZeroDivisionError("two\nlines")

    with pytest.raises(LiveStyleError, match="^Sum 2: ZeroDivisionError: two lines$"):
        Executor(_graph(["1", 0], ["1", 0]), [Number, Broken], lambda: None).run()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "can't be read as a workflow"),
        (json.dumps({"nodes": [], "links": []}), "workflow of the editor"),
        ("[]", "is no workflow"),
        ("{}", "is no workflow"),
        ('{"1": {"class_type": "Number"}}', "is no workflow"),
    ],
)
def test_files_that_are_no_workflow(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(content)
    with pytest.raises(SettingError, match=line):
        read_graph(file)
