"""What a queued prompt says of how its session is played, beside its widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.runtime.session import StreamSession
from .modulators import begin_modulators
from .preset_bank import begin_presets


def begin_settings(session: StreamSession, graph: Mapping[str, Any]) -> None:
    """Have a session that is not started begin with the modulators, presets and cues of its prompt.

    Raises:
        SettingError: one can't be understood; the session is cancelled.
    """
    begin_modulators(session, graph)
    begin_presets(session, graph)
