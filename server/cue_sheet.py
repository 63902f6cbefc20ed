"""Cue lists in what comes from outside: they name presets of the file that they are in, or bring values.

{"tempo": 120, "beats": 4,
 "list": [{"preset": "Dusk"}, {"preset": "Dawn", "when": "bars", "after": 8, "fade": 2},
          {"name": "Out", "values": {"4.strength": 0}, "when": "cut"}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..engine.cues.cue import WHENS, Cue, CueList, When
from ..engine.errors import SettingError
from ..engine.runtime.glide import LONGEST_FADE_S
from ..engine.takes.take import check_change
from .json_fields import line_field, number_field, recall_fields, whole_field
from .preset import Preset

MOST_CUES = 99
LONGEST_WAIT = 1_000_000
"""Seconds, frames or bars."""


@dataclass(frozen=True)
class CueSheet:
    """A cue list as a file has it.

    Attributes:
        cues: their JSON, checked, without what this version doesn't know.
        tempo: beats a minute.
        beats: of a bar.
    """

    cues: tuple[Mapping[str, Any], ...] = ()
    tempo: float = 120.0
    beats: int = 4

    def as_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"tempo": self.tempo, "beats": self.beats, "list": [dict(cue) for cue in self.cues]}

    def resolved(self, presets: Mapping[str, Preset]) -> CueList:
        """The list as a session plays it; ``presets`` by name."""
        return CueList(tuple(_cue(data, presets) for data in self.cues), self.tempo, self.beats)


def parse_sheet(data: Any, presets: Mapping[str, Preset]) -> CueSheet:
    """The cue list in a JSON value from outside; without one (None) it is empty.

    Raises:
        SettingError: what is wrong, in one line.
    """
    if data is None:
        return CueSheet()
    cues = data.get("list", []) if isinstance(data, dict) else None
    if not isinstance(cues, list) or len(cues) > MOST_CUES:
        raise SettingError(f"cues must be an object with a list of at most {MOST_CUES}.")
    data = {"tempo": 120, "beats": 4, **data}
    tempo, beats = number_field(data, "tempo", 20, 400), whole_field(data, "beats", 1, 32)
    return CueSheet(tuple(_checked(number, cue, presets) for number, cue in enumerate(cues, 1)), tempo, beats)


def _checked(number: int, data: Any, presets: Mapping[str, Preset]) -> dict[str, Any]:
    try:
        if not isinstance(data, dict):
            raise SettingError("it must be a JSON object.")
        cue: dict[str, Any] = {}
        if "preset" in data:
            if not isinstance(data["preset"], str) or data["preset"] not in presets:
                raise SettingError("its preset must be one of this file.")
            cue["preset"] = data["preset"]
        else:
            values, _ = recall_fields({"values": data.get("values")})
            for key, value in values.items():
                check_change(key, value)
            cue |= {"name": line_field(data, "name"), "values": values}
        if "fade" in data:
            cue["fade"] = number_field(data, "fade", 0, LONGEST_FADE_S)
        when = data.get("when", "hand")
        if when not in WHENS:
            raise SettingError(f"when must be one of {', '.join(WHENS)}.")
        if when in ("seconds", "bars"):
            cue["after"] = number_field({"after": 0, **data}, "after", 0, LONGEST_WAIT)
        elif when == "frames":
            cue["after"] = whole_field({"after": 0, **data}, "after", 0, LONGEST_WAIT)
        return {**cue, "when": when}
    except SettingError as error:
        raise SettingError(f"Cue {number}: {error}") from None


def _cue(data: Mapping[str, Any], presets: Mapping[str, Preset]) -> Cue:
    preset = presets.get(data.get("preset", ""))
    name, values, fade = (preset.name, preset.values, preset.fade) if preset else ("", {}, 0.0)
    return Cue(
        data.get("name", name),
        data.get("values", values),
        data.get("fade", fade),
        cast(When, data["when"]),
        data.get("after", 0.0),
    )
