"""What a queued prompt says of how its session is played, beside its widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.session import StreamSession
from .modulators import modulators_of, set_modulators
from .owners import owner_of
from .preset_bank import bank_in, set_bank


def begin_settings(session: StreamSession, graph: Mapping[str, Any]) -> None:
    """Have a session that is not started begin with the modulators, presets and cues of its prompt.

    Raises:
        SettingError: one can't be understood; the session is cancelled.
    """
    try:
        modulators, bank = modulators_of(owner_of(session).nodes, graph), bank_in(graph, session.node_id)
    except SettingError:
        session.cancel()
        raise
    set_modulators(session, modulators)
    if bank is not None:
        set_bank(session, bank)
