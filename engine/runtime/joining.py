"""Other sources for a stream that plays: opened beside the old ones, they go on from a chunk's border."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

from ..errors import SettingError
from ..media.playing_source import Newcomer
from ..media.types import FrameSource
from .plan import PlanNode, Read
from .stream_graph import StreamGraph

OnJoin = Callable[[PlanNode, int, Fraction, FrameSource], None]
"""Called with a reading node, number and time of the new source's first frame, and the source."""


class Joining:
    """One or more sources; all are closed with it that have not taken over.

    Args:
        graph: that plays.
        reads: what reading nodes are to do from now on, by node id; the rate stays.
        on_join: called on the reading thread, before the first frame comes.

    Attributes:
        sound: whether there is sound on one side, none of which is heard from the border on.
    """

    def __init__(self, graph: StreamGraph, reads: Mapping[str, Read], on_join: OnJoin) -> None:
        sources = graph.loaded.sources
        self._graph, self._on_join = graph, on_join
        self._reads = {node: reads[node.node_id] for node in sources if node.node_id in reads}
        self._waiting: dict[PlanNode, Newcomer] = {}
        self._handed: set[PlanNode] = set()
        self.sound = False

    def open(self, given_up: Callable[[], bool]) -> None:
        """Open them; on the thread that waits.

        Args:
            given_up: see ``FrameSource.connect``; what it raises goes through.

        Raises:
            LiveStyleError: one can't be used, in one line.
        """
        for node, read in self._reads.items():
            self._waiting[node] = self._opened(node, read, given_up)
            old, new = self._graph.loaded.sources[node].audio, self._waiting[node].source.audio
            heard = node == self._graph.origin
            self.sound |= heard and (old is not None or new is not None)

    def hand_over(self) -> None:
        """From here on each takes over at the next border. Raises SettingError where one has ended."""
        for node, newcomer in self._waiting.items():
            if not self._graph.loaded.sources[node].follow(newcomer):
                raise SettingError("it has ended meanwhile")
            self._handed.add(node)

    def wait(self, timeout: float) -> bool:
        """Whether all have taken over, after at most so many seconds; SettingError where one never will."""
        for newcomer in self._waiting.values():
            if not newcomer.over.wait(timeout):
                return False
            if not newcomer.joined:
                raise SettingError("it has ended meanwhile")
        return True

    def close(self) -> None:
        """Close what has not taken over and doesn't any more."""
        for node, newcomer in self._waiting.items():
            if node not in self._handed or self._graph.loaded.sources[node].withdraw(newcomer):
                newcomer.source.close()
        self._waiting = {}

    def _opened(self, node: PlanNode, read: Read, given_up: Callable[[], bool]) -> Newcomer:
        spec, loaded = read.source, self._graph.loaded
        present = loaded.sources[node].info
        source = spec.open()
        try:
            source.connect(given_up)
            if source.info.endless != present.endless and node != self._graph.origin:
                raise SettingError("a live source and a file can't follow each other beside another stream")
            if not source.info.endless:
                if source.info.fps != present.fps:
                    source.close()
                    rate = float(present.fps * spec.trim.every_nth)
                    source = replace(spec, trim=replace(spec.trim, fps=rate)).open()
            source.start(loaded.width, loaded.height, read.resize)
            # That a file has a frame behind its trim only reading tells; a camera's would grow old.
            head = None if source.info.endless else source.read(1)
            if head is None and not source.info.endless:
                raise SettingError(f"{spec.label} has no frames")
        except BaseException:
            source.close()
            raise
        return Newcomer(source, head, lambda frame, moment: self._on_join(node, frame, moment, source))
