"""Submits tasks to Ray and waits for them; what is finished already is not submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

from tqdm import tqdm

from ...engine.cluster.bootstrap import task_function
from ...engine.cluster.connection import ClusterError
from ...engine.cluster.facts import facts
from ...engine.cluster.link import share_of
from ...engine.errors import LiveStyleError, SettingError
from ...engine.runtime.plan import stylised
from ...engine.version import PACK
from .job import Job, Planned, planned
from .pieces import Piece

RETRIES = 3
"""Times that Ray starts a task anew whose worker was lost."""

Then = Callable[[Any], None]
"""Called with a task's value."""


class Render:
    """Files on their way through the cluster.

    Args:
        ray: the module, connected.
        bar: counts tasks.

    Attributes:
        failed: files that could not be rendered.
    """

    def __init__(self, ray: Any, bar: tqdm) -> None:
        self._ray = ray
        self._bar = bar
        self._task = ray.remote(max_retries=RETRIES)(task_function())
        self._resources = ray.cluster_resources()
        self._waiting: dict[Any, tuple[Job, Then]] = {}
        self.failed: set[str] = set()

    def files(self, jobs: Iterable[Job]) -> None:
        """Render all; returns when each is finished or has failed.

        Raises:
            ClusterError: the cluster is gone.
        """
        for job in jobs:
            try:
                self._begin(job, planned(job))
            except ClusterError:
                raise
            except LiveStyleError as error:
                self._fail(job, str(error))
        while self._waiting:
            done, _ = self._guarded(lambda: self._ray.wait(list(self._waiting)))
            for each in done:
                job, then = self._waiting.pop(each)
                self._bar.update()
                if job.file not in self.failed:
                    self._take(job, each, then)

    def _begin(self, job: Job, given: Planned) -> None:
        if given.target.exists():
            self._bar.write(f"{job.name}: {given.target.name} is there")
        elif given.divisible:
            self._submit(job, given, partial(self._divided, job, given), "scenes")
        else:
            self._submit(job, given, partial(self._finished, job), "film", [])

    def _divided(self, job: Job, given: Planned, fields: list[tuple[int, int, str]]) -> None:
        pieces = [Piece(*each) for each in fields]
        join = partial(self._submit, job, given, partial(self._finished, job), "film")
        if len(pieces) == 1:
            join([])
            return
        left = {each for each in pieces if not each.file(given.work).exists()}
        self._bar.write(f"{job.name}: {len(left)} of {len(pieces)} pieces to render")

        def rendered(piece: Piece, value: None) -> None:
            left.discard(piece)
            if not left:
                join(fields)

        for each in sorted(left):
            self._submit(job, given, partial(rendered, each), "piece", *each)
        if not left:
            join(fields)

    def _finished(self, job: Job, path: str) -> None:
        self._bar.write(f"{job.name}: {path}")

    def _submit(self, job: Job, given: Planned, then: Then, name: str, *arguments: Any) -> None:
        """A task that takes as much of a machine as its models."""
        handles = [stylised(node).model for node in given.models]
        shares = [share_of(handle, self._resources) for handle in handles] or [{"num_cpus": 1.0}]
        share = {key: max(each[key] for each in shares) for key in shares[0]}
        task = self._task.options(name=f"{name} {job.name}", **share)
        sent = ([str(PACK)], dict(facts()), name, asdict(job), *arguments)
        self._waiting[self._guarded(lambda: task.remote(*sent))] = job, then
        self._bar.total += 1
        self._bar.refresh()

    def _take(self, job: Job, reference: Any, then: Then) -> None:
        try:
            reply = self._guarded(lambda: self._ray.get(reference))
        except _TaskLost as error:
            reply = {"error": str(error)}
        if "error" in reply:
            self._fail(job, reply["error"])
        else:
            then(reply["value"])

    def _fail(self, job: Job, line: str) -> None:
        self.failed.add(job.file)
        self._bar.write(f"{job.name}: {line}")

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._ray.exceptions.RayTaskError as error:
            raise _TaskLost(f"the task failed: {str(error).strip().splitlines()[-1]}") from error
        except self._ray.exceptions.RayError as error:
            raise _TaskLost(f"its worker was lost {RETRIES + 1} times ({type(error).__name__}).") from error
        except Exception as error:  # gRPC's
            raise ClusterError(
                f"The cluster was lost ({type(error).__name__}): run the same line again, it goes on."
            ) from error


class _TaskLost(SettingError):
    """Ray has given a task up."""
