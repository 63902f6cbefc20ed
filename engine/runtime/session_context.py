"""What all parts of a session use together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..media.recording import RecordSwitch
from ..media.types import SinkResult
from .control import Control
from .parameters import ParameterStore
from .pause import Pause
from .preview import PreviewHub
from .telemetry import Telemetry


@dataclass(frozen=True)
class SessionContext:
    """Shared by the parts of a session.

    Attributes:
        control, telemetry, store, preview: one of each a session.
        acquire: puts all models of the plan on their devices.
        recorders: the switch of each write node whose target is a file, by node id.
        on_take: called with the node id and each file that was finished while the stream went on.
        on_chunk: called with every chunk that reaches a target.
        pause: whether the stream stands still.
    """

    control: Control
    telemetry: Telemetry
    store: ParameterStore
    preview: PreviewHub
    acquire: Callable[[], None]
    recorders: Mapping[str, RecordSwitch]
    on_take: Callable[[str, SinkResult], None]
    on_chunk: Callable[[], None]
    pause: Pause
