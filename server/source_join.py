"""Another source joins what plays, while the prompt that asked for it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from ..engine.runtime.plan import PlanNode, Read
from ..engine.runtime.session import StreamSession
from .workshop import Workshop, plays_on

SILENT = "It has no sound from there: a source that joins brings none."


def label_of(read: Read) -> str:
    """What a take calls the source."""
    name = PurePath(read.source.label).name if read.source.kind in ("file", "sequence") else read.source.label
    return "the source " + "".join(filter(str.isprintable, name))[:100]


def join(
    session: StreamSession,
    reads: Mapping[str, Read],
    at_border: Callable[[PlanNode, int], None],
    workshop: Workshop,
) -> str:
    """Returns when the new sources play; arguments as of ``StreamSession.join_sources``.

    Returns:
        What the artist should know of the sound, or nothing.

    Raises:
        SettingError: it plays on as it was, and why.
    """
    names = " and ".join(dict.fromkeys(PurePath(each.source.label).name for each in reads.values()))
    workshop.say(f"Opening {names} while it plays on")

    def given_up() -> bool:
        workshop.check()
        return session.stopping or session.wait(0)

    with plays_on():
        joining = session.join_sources(reads, at_border)
        try:
            joining.open(given_up)
            joining.hand_over()
            workshop.wait(joining.wait)
        finally:
            joining.close()
    return SILENT if joining.sound else ""
