"""One file to render: plain values that travel to a worker, and the plan that they become there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch

from ...engine.cluster.facts import facts
from ...engine.errors import MediaError, SettingError
from ...engine.families import probe
from ...engine.log import log
from ...engine.media.live.source_spec import LiveSpec
from ...engine.media.sinks import SinkSpec
from ...engine.runtime.plan import PlanNode, Read, Stylise, Write, rebuilt, stylised
from ...engine.takes.replay import prepared
from ...engine.takes.take import SUFFIX, Take
from .. import host
from ..executor import Executor, Graph
from ..node_api import ComfyNode

UNFINISHED = ".farm"
"""Folder in the output folder."""


@dataclass(frozen=True)
class Job:
    """A workflow with one file in it.

    Attributes:
        file: absolute path of a video, which the workflow reads, or of a take, over what it reads.
        graph: the API form of the workflow.
        node_id: the node that writes.
        folders: ``input``, ``output``, ``models`` and ``user``, absolute, the same on every machine.
    """

    file: str
    graph: Graph
    node_id: str
    folders: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the file."""
        return os.path.basename(self.file)


@dataclass(frozen=True)
class Planned:
    """What a job is on this machine.

    Attributes:
        plan: of the node that writes.
        take: plays, if the file is one.
        target: the finished file. A hash of source, workflow, checkpoint, take and LiveStyle is in its name:
            whatever may give other pictures has another name.
        work: folder of what is not finished.
    """

    plan: PlanNode
    take: Take | None
    target: Path
    work: Path

    @property
    def models(self) -> list[PlanNode]:
        """The nodes that denoise."""
        return [node for node in self.plan.walk() if isinstance(node.operation, Stylise)]

    @property
    def divisible(self) -> bool:
        """Whether there is one model, which reads a clip and whose family has no memory."""
        if len(self.models) != 1:
            return False
        (node,) = self.models
        if not node.parents or not all(isinstance(each.operation, Read) for each in node.parents):
            return False
        model = stylised(node)
        independent = probe(Path(model.model.checkpoint)).independent
        return independent(model.model, model.conditioning, model.settings)

    def written_in(self, folder: Path) -> PlanNode:
        """The plan with its files in a folder, named after their nodes."""
        return rebuilt(self.plan, lambda node: _written_to(node, str(folder / f"{node.node_id}.mp4")))


def job_of(file: Path, workflow: Graph, folders: Mapping[str, str]) -> Job:
    """The job of a file.

    Raises:
        MediaError: there is no such file.
        SettingError: the workflow does not read one source and end with one node that writes.
    """
    if not file.exists():
        raise MediaError(f"There is no {file}: name videos or takes.")
    graph, path = deepcopy(workflow), os.path.abspath(file)
    inputs = {node_id: node["inputs"] for node_id, node in graph.items()}
    linked = {value[0] for each in inputs.values() for value in each.values() if isinstance(value, list)}
    files = [node_id for node_id, node in graph.items() if node["class_type"] == "FrameStreamIO"]
    writing = [node_id for node_id in files if "frames" in inputs[node_id]]
    last = [node_id for node_id in writing if node_id not in linked]
    reading = [node_id for node_id in files if node_id not in writing]
    if len(last) != 1:
        raise SettingError(f"The workflow ends with {len(last)} FrameStreamIO that write: leave one.")
    if path.endswith(SUFFIX):
        inputs[last[0]]["take"] = path
    elif len(reading) == 1:
        inputs[reading[0]].update(file=path, path="", source="file")
    else:
        raise SettingError(f"The workflow has {len(reading)} FrameStreamIO that read: leave one.")
    return Job(path, graph, last[0], folders)


def planned(job: Job) -> Planned:
    """The job's plan, made by the nodes' own code.

    Raises:
        LiveStyleError: in one line, what can't be rendered here.
    """
    if not os.path.exists(job.file):
        machine = facts()["machine"]
        raise MediaError(f"{job.file} is not on {machine}: put it into a folder that all machines share.")
    take_path = job.file if job.file.endswith(SUFFIX) else ""
    plan, take, remarks = prepared(_plan(job), take_path, False)
    for line in remarks:
        log.warning("%s", line)
    for node in plan.walk():
        _check(node)
    digest = hashlib.sha256(rebuilt(plan, lambda node: _written_to(node, "")).digest().encode())
    digest.update(facts()["source"].encode())
    if take_path:
        digest.update(Path(take_path).read_bytes())
    key, output = digest.hexdigest()[:12], Path(job.folders["output"])
    stem = job.name.removesuffix(SUFFIX) if take_path else Path(job.name).stem
    return Planned(plan, take, output / f"{stem}_{key}.mp4", output / UNFINISHED / f"{stem}_{key}")


def _plan(job: Job) -> PlanNode:
    """Of the node that writes; the process reads and writes in the job's folders from now on."""
    nodes = _nodes()
    place = host.place
    for name, folder in job.folders.items():
        setattr(place, name, Path(folder))
    place.allowed = tuple(os.path.dirname(path) for path in (job.file, os.path.realpath(job.file)))
    place.plans_only, place.graph = True, job.graph
    host.residency.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Executor(job.graph, nodes, host.check_interrupt).run()[job.node_id][0]


@cache
def _nodes() -> list[type[ComfyNode]]:
    """What a workflow may consist of."""
    host.take_the_place_of_comfyui()
    from ...nodes import build_extension

    return build_extension()


def _check(node: PlanNode) -> None:
    operation = node.operation
    if isinstance(operation, Read) and isinstance(operation.source, LiveSpec):
        raise SettingError(f"FrameStreamIO {node.node_id} reads a live source: name a file, or its take.")
    if isinstance(operation, Write) and not isinstance(operation.sink, SinkSpec):
        raise SettingError(f"FrameStreamIO {node.node_id} sends a stream: set target to file.")
    if isinstance(operation, Stylise) and operation.model.run_on:
        raise SettingError(f"StreamDenoise {node.node_id} runs on a cluster: set run_on to here.")


def _written_to(node: PlanNode, path: str) -> PlanNode:
    if not (isinstance(node.operation, Write) and isinstance(node.operation.sink, SinkSpec)):
        return node
    sink = replace(node.operation.sink, path=path, keep_take=False)
    return replace(node, operation=replace(node.operation, sink=sink))
