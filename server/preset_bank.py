"""Presets: named sets of live values, in the one JSON form in which they are saved, passed around and sent.

    {"format": "livestyle-presets", "version": 1,
     "presets": [{"name": "Dusk", "fade": 2.0, "values": {"4.strength": 0.6, "3.prompt": "oil at dusk"}}]}

``values`` are by ``<node id>.<input name>``, as in every message; ``fade`` is in seconds of the stream.
"""

from __future__ import annotations

import weakref
from dataclasses import asdict, dataclass
from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.session import StreamSession
from ..engine.takes.take import check_change
from .json_fields import recall_fields

FORMAT = "livestyle-presets"
VERSION = 1

LARGEST_BANK = 256 * 1024
"""Bytes of a file."""

MOST_PRESETS = 99
LONGEST_NAME = 60
"""Characters."""


@dataclass(frozen=True)
class Preset:
    """Live values under a name.

    Attributes:
        name: unlike that of any other preset of the bank.
        values: by key. Which of them a session has, it says when the preset is recalled.
        fade: seconds of the stream in which numbers glide there.
    """

    name: str
    values: dict[str, float | int | str]
    fade: float


Bank = tuple[Preset, ...]

_banks: weakref.WeakKeyDictionary[StreamSession, Bank] = weakref.WeakKeyDictionary()


def set_bank(session: StreamSession, bank: Bank) -> None:
    """Have a session's presets recalled by name or number."""
    _banks[session] = bank


def bank_of(session: StreamSession) -> Bank:
    """A session's presets; none where no page has brought any."""
    return _banks.get(session, ())


def find_preset(session: StreamSession, wanted: object) -> Preset:
    """A preset of a session.

    Args:
        wanted: its name, or its number from 1 on.

    Raises:
        SettingError: there is none.
    """
    bank = bank_of(session)
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
    if type(data.get("version")) is not int or data["version"] != VERSION:
        raise SettingError(
            f"The presets must be of version {VERSION}: update LiveStyle or export them again."
        )
    presets = data.get("presets")
    if not isinstance(presets, list) or len(presets) > MOST_PRESETS:
        raise SettingError(f"presets must be a list of at most {MOST_PRESETS}.")
    bank = tuple(_preset(number, each) for number, each in enumerate(presets, 1))
    names = [preset.name for preset in bank]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"Two presets are called {name}: rename one.")
    return bank


def bank_json(bank: Bank) -> dict[str, Any]:
    """The same as JSON."""
    return {"format": FORMAT, "version": VERSION, "presets": [asdict(preset) for preset in bank]}


def _preset(number: int, data: Any) -> Preset:
    try:
        if not isinstance(data, dict):
            raise SettingError("it must be a JSON object.")
        values, fade = recall_fields(data)
        for key, value in values.items():
            check_change(key, value)
        return Preset(_name(data.get("name")), values, fade)
    except SettingError as error:
        raise SettingError(f"Preset {number}: {error}") from None


def _name(name: Any) -> str:
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise SettingError(f"name must be a line of 1 to {LONGEST_NAME} characters.")
    return name.strip()
