"""Presets: named sets of live values, in the one JSON form in which they are saved, passed around and sent.

    {"format": "livestyle-presets", "version": 2,
     "presets": [{"name": "Dusk", "fade": 2.0, "values": {"4.strength": 0.6, "3.prompt": "oil at dusk"},
                  "references": {"7.image": "dusk.png"}, "picture": "data:image/webp;base64,..."}],
     "cues": {"list": [{"preset": "Dusk", "when": "bars", "after": 8}]}}

``values`` are by ``<node id>.<input name>``, as in every message; ``fade`` is in seconds of the stream.
Version 1 has no ``references``, ``picture`` and ``cues``, which may be missing in version 2 as well.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.session import StreamSession
from .cue_sheet import CueSheet, parse_sheet
from .json_fields import LONGEST_NAME
from .preset import Preset, parse_preset

FORMAT = "livestyle-presets"
VERSION = 2

META_FIELD = "livestyle_presets"
"""Of the node that writes, in a queued prompt: its presets and cues, so that no page needs to be open."""

LARGEST_BANK = 1280 * 1024
"""Bytes of a file: every preset may have its picture."""

MOST_PRESETS = 99


@dataclass(frozen=True)
class Bank:
    """What a file holds."""

    presets: tuple[Preset, ...] = ()
    cues: CueSheet = field(default_factory=CueSheet)


_banks: weakref.WeakKeyDictionary[StreamSession, Bank] = weakref.WeakKeyDictionary()


def set_bank(session: StreamSession, bank: Bank) -> None:
    """Have a session's presets recalled by name or number, and its cues played."""
    _banks[session] = bank
    session.store.load_cues(bank.cues.resolved({preset.name: preset for preset in bank.presets}))


def bank_in(graph: Mapping[str, Any], writer: str) -> Bank | None:
    """What a prompt brings: its writing node's own bank, else another node's; raises SettingError."""
    for node in (graph.get(writer, {}), *graph.values()):
        meta = node.get("_meta")
        if isinstance(meta, dict) and meta.get(META_FIELD) is not None:
            return parse_bank(meta[META_FIELD])
    return None


def bank_of(session: StreamSession) -> Bank:
    """A session's presets; none where nobody has brought any."""
    return _banks.get(session, Bank())


def find_preset(session: StreamSession, wanted: object) -> Preset:
    """A preset of a session.

    Args:
        wanted: its name, or its number from 1 on.

    Raises:
        SettingError: there is none.
    """
    bank = bank_of(session).presets
    for number, preset in enumerate(bank, 1):
        if preset.name == wanted or (type(wanted) in (int, float) and number == wanted):
            return preset
    shown = str(wanted)[:LONGEST_NAME] if isinstance(wanted, int | float | str) else type(wanted).__name__
    raise SettingError(f"There is no preset {shown!a}: this session has {len(bank)}.")


def parse_bank(data: Any) -> Bank:
    """The presets in a JSON value from outside; fields that this version doesn't know are left out.

    Raises:
        SettingError: what is wrong, in one line.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SettingError(f"This is no file of presets: its format must be {FORMAT}.")
    if type(data.get("version")) is not int or not 1 <= data["version"] <= VERSION:
        raise SettingError(
            f"The presets must be of version 1 to {VERSION}: update LiveStyle or export them again."
        )
    presets = data.get("presets")
    if not isinstance(presets, list) or len(presets) > MOST_PRESETS:
        raise SettingError(f"presets must be a list of at most {MOST_PRESETS}.")
    bank = tuple(parse_preset(number, each) for number, each in enumerate(presets, 1))
    names = [preset.name for preset in bank]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"Two presets are called {name}: rename one.")
    return Bank(bank, parse_sheet(data.get("cues"), {preset.name: preset for preset in bank}))


def bank_json(bank: Bank) -> dict[str, Any]:
    """The same as JSON."""
    presets = [preset.as_json() for preset in bank.presets]
    return {"format": FORMAT, "version": VERSION, "presets": presets, "cues": bank.cues.as_json()}
