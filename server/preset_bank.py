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
from dataclasses import asdict, dataclass, field
from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.session import StreamSession
from ..engine.takes.take import check_change
from .cue_sheet import CueSheet, parse_sheet
from .examples import PREFIX
from .json_fields import LONGEST_NAME, line_field, recall_fields
from .preset_picture import picture_field

FORMAT = "livestyle-presets"
VERSION = 2

META_FIELD = "livestyle_presets"
"""Of the node that writes, in a queued prompt: its presets and cues, so that no page needs to be open."""

LARGEST_BANK = 1280 * 1024
"""Bytes of a file: every preset may have its picture."""

MOST_PRESETS = 99
MOST_REFERENCES = 16


@dataclass(frozen=True)
class Preset:
    """Live values under a name.

    Attributes:
        name: unlike that of any other preset of the bank.
        values: by key. Which of them a session has, it says when the preset is recalled.
        fade: seconds of the stream in which numbers glide there.
        references: file names of reference images in ComfyUI's input folder, by key; for the next Run.
        picture: a data URL; empty without one.
    """

    name: str
    values: dict[str, float | int | str]
    fade: float
    references: dict[str, str] = field(default_factory=dict)
    picture: str = ""


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


def begin_presets(session: StreamSession, graph: Mapping[str, Any]) -> None:
    """Have a session that is not started begin with the presets and cues that its prompt brings.

    Raises:
        SettingError: they can't be understood; the session is cancelled.
    """
    meta = graph.get(session.node_id, {}).get("_meta")
    if isinstance(meta, dict) and meta.get(META_FIELD) is not None:
        try:
            set_bank(session, parse_bank(meta[META_FIELD]))
        except SettingError:
            session.cancel()
            raise


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
    bank = tuple(_preset(number, each) for number, each in enumerate(presets, 1))
    names = [preset.name for preset in bank]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"Two presets are called {name}: rename one.")
    return Bank(bank, parse_sheet(data.get("cues"), {preset.name: preset for preset in bank}))


def bank_json(bank: Bank) -> dict[str, Any]:
    """The same as JSON."""
    presets = [_without_nothing(asdict(preset)) for preset in bank.presets]
    return {"format": FORMAT, "version": VERSION, "presets": presets, "cues": bank.cues.as_json()}


def _without_nothing(preset: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in preset.items() if value or name not in ("references", "picture")}


def _preset(number: int, data: Any) -> Preset:
    try:
        if not isinstance(data, dict):
            raise SettingError("it must be a JSON object.")
        values, fade = recall_fields(data)
        for key, value in values.items():
            check_change(key, value)
        picture = picture_field(data["picture"]) if data.get("picture") else ""
        return Preset(
            line_field(data, "name"), values, fade, _references(data.get("references", {})), picture
        )
    except SettingError as error:
        raise SettingError(f"Preset {number}: {error}") from None


def _references(data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or len(data) > MOST_REFERENCES:
        raise SettingError(f"references must be an object of at most {MOST_REFERENCES} file names.")
    for key, name in data.items():
        check_change(key, name)
        file = name.removeprefix(PREFIX) if isinstance(name, str) and name.isprintable() else ""
        parts = file.replace("\\", "/").split("/")
        if ".." in parts or "" in parts or ":" in file:
            raise SettingError(f"{key} must be the name of a file in the input folder.")
    return dict(data)
