"""One worker of the cluster, from being asked for until it is let go of."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from .. import errors
from ..errors import LiveStyleError, SettingError
from ..families import estimate_bytes
from ..families.base import ModelHandle
from ..version import PACK
from .bootstrap import actor_class
from .connection import ClusterError, connect
from .facts import Facts, difference, facts
from .parcel import packed
from .weights import blocks, listed, paths_of

GPUS = "LIVESTYLE_RAY_GPUS"
"""Environment variable: GPUs a session, a fraction too. Without it a quarter for small models, else one."""

SMALL_BYTES = 2 << 30
TICK_S = 0.2
WAITING = "Waiting for a free worker of the cluster"

_turns: deque[object] = deque()
"""This process's sessions that wait, in order; Ray promises none, so it is asked for one at a time."""

Waiting = Callable[[str], None]
"""Called a few times a second with a line for the artist; what it raises ends the wait."""


class WorkerLost(ClusterError):
    """The worker, its machine or the way there is gone."""


class Worker:
    """One actor, seen from here.

    Args:
        handle: the model that it loads.
        waiting: see ``Waiting``.

    Attributes:
        facts: which LiveStyle runs there, and where.
        model: what it says of the loaded model: family, fps, remark.

    Raises:
        LiveStyleError: no cluster, another version there, or the checkpoint can't be loaded.
        WorkerLost: it was lost on the way.
    """

    def __init__(self, handle: ModelHandle, waiting: Waiting) -> None:
        self._ray = connect()
        stages = {"encode": 1, "denoise": 1, "decode": 1}
        share = share_of(handle, self._guarded(self._ray.cluster_resources))
        remote = self._ray.remote(concurrency_groups=stages, max_restarts=0, **share)
        self._actor: Any = None
        try:
            with _in_turn(waiting):
                self._actor = self._guarded(lambda: remote(actor_class(self._ray)).remote())
                self.facts = self._open(waiting)
            waiting(f"Loading the model on {self.facts['machine']}")
            self._send_weights(handle, waiting)
            self.model = self._wait("ask", waiting, "", "load", packed(handle))
        except BaseException:
            self.close()
            raise

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a method of the worker gives; blocks.

        Raises:
            WorkerLost: it is gone.
            LiveStyleError, MemoryError: what it raised there.
        """
        stage = method in ("encode", "denoise", "decode")
        call = getattr(self._actor, method if stage else "ask")
        given = arguments if stage else (method, *arguments)
        return _value(self._guarded(lambda: self._ray.get(call.remote(*given))))

    def close(self) -> None:
        """Let go of it: its GPU or core is free for the next session."""
        actor, self._actor = self._actor, None
        if actor is not None:
            try:
                self._ray.kill(actor)
            except Exception:
                pass  # gone already, or the connection is

    def _open(self, waiting: Waiting) -> Facts:
        """Wait for a place in the cluster, and see that it has this LiveStyle."""
        reply = self._wait("open", waiting, WAITING, [str(PACK)])
        if "error" in reply:
            raise ClusterError(f"The worker has {reply['error']}.")
        if line := difference(facts(), reply):
            raise ClusterError(line)
        return reply

    def _wait(self, method: str, waiting: Waiting, line: str, *arguments: Any) -> Any:
        """Call a method that may take long, for as long as ``waiting`` lets it."""
        reference = self._guarded(lambda: getattr(self._actor, method).remote(*arguments))
        while not self._guarded(lambda: self._ray.wait([reference], timeout=TICK_S)[0]):
            waiting(line)
        reply = self._guarded(lambda: self._ray.get(reference))
        return reply if method == "open" else _value(reply)

    def _send_weights(self, handle: ModelHandle, waiting: Waiting) -> None:
        """Have every file of the handle there, each fetched once a machine."""
        for path in paths_of(handle):
            if not self.ask("differing", path, listed(path, False)):
                continue
            files = listed(path, True)
            while True:
                digests, complete = self.ask("wanted", path, files)
                if complete:
                    break
                for digest in digests:
                    for block, last in blocks(path, files, digest):
                        waiting(f"Sending weights to {self.facts['machine']}")
                        self.ask("receive", digest, block, last)
                if not digests:
                    waiting(f"Waiting for weights on {self.facts['machine']}")
                    time.sleep(TICK_S)

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """The worker answers with values alone, its errors too: whatever Ray raises, it is gone."""
        try:
            return call()
        except Exception as error:
            known = getattr(self, "facts", None)
            where = f"on {known['machine']} " if known else ""
            raise WorkerLost(f"the worker {where}was lost ({type(error).__name__}).") from error


def share_of(handle: ModelHandle, resources: Mapping[str, float]) -> dict[str, float]:
    """What of a machine a model takes, as Ray's options; ``resources`` are the cluster's."""
    if not resources.get("GPU"):
        return {"num_cpus": 1}
    small = estimate_bytes(handle, torch.bfloat16) < SMALL_BYTES
    return {"num_cpus": 1, "num_gpus": _gpus() or (0.25 if small else 1)}


def _gpus() -> float:
    """What ``LIVESTYLE_RAY_GPUS`` says; 0 where it says nothing."""
    given = os.environ.get(GPUS, "")
    try:
        gpus = float(given or 0)
    except ValueError:
        gpus = -1.0
    if not (0 <= gpus <= 1 or (gpus > 1 and gpus % 1 == 0)):
        raise SettingError(f"{GPUS} can't be '{given}': use a share such as 0.5, or a whole number.")
    return gpus


@contextmanager
def _in_turn(waiting: Waiting) -> Iterator[None]:
    """Entered when all who came before have left."""
    turn = object()
    _turns.append(turn)
    try:
        while _turns[0] is not turn:
            waiting(WAITING)
            time.sleep(TICK_S)
        yield
    finally:
        _turns.remove(turn)


def _value(reply: tuple[Any, ...]) -> Any:
    """The value of a reply; raises the error that it is."""
    if reply[0] == "ok":
        return reply[1]
    _, name, line = reply
    if name == "MemoryError":
        raise MemoryError(line)
    kind = getattr(errors, name, LiveStyleError)
    raise kind(line)
