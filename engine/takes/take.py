"""A take as a file: JSON lines, checked like anything that comes from outside.

    {"format": "livestyle-take", "version": 1, "first": 0, "values": {"4.strength": 1.0}, ...}
    {"frame": 24, "pts": 1.0, "key": "4.strength", "value": 0.4}
    {"frame": 48, "pts": 2.0, "key": "4.strength", "value": 0.5, "modulator": {"signal": "sine", ...}}
    {"end": 240}

The first line says where the take was made, and with which values it began; ``header.py`` lists its facts. A
key's ``modulator`` made its values from that line on, up to null; what it made is played, not made again. A
file that a crash has cut off lacks ``end`` and perhaps half a line. Where a model or source was swapped for
another, the take ends: ``{"end": 240, "swapped": "other.safetensors"}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..conditioning.recipe import PROMPT_LIMIT
from ..errors import SettingError
from ..modulation.modulator import Modulator
from ..runtime.fitting import is_number, is_text
from .lane import Lane, Value
from .lines import change_line, end_line, json_line
from .log import MOST_CHANGES, Change

FORMAT = "livestyle-take"
VERSION = 1
SUFFIX = ".take.jsonl"

LARGEST_FILE = 32 * 1024 * 1024
"""Bytes."""

LONGEST_KEY = 200
"""Characters."""

LARGEST_NUMBER = 2**53
"""Up to here JSON's readers agree on whole numbers."""

LARGEST_FRAME = 10**9


@dataclass(frozen=True)
class Take:
    """What was changed while a stream played.

    Attributes:
        header: the file's first line.
        lanes: of the values that changed, by ``<node id>.<input name>``.
        first: number of the first frame that was recorded.
        end: number of the frame after the last one; None where a crash has cut the file off.
        swapped: the model or source that was swapped in there, if that is why it ends.
    """

    header: Mapping[str, Any]
    lanes: Mapping[str, Lane]
    first: int = 0
    end: int | None = None
    swapped: str = ""

    def changes(self) -> Iterator[Change]:
        """All changes, a key at a time."""
        for key, lane in self.lanes.items():
            turns: dict[int, Any] = dict(lane.turns)
            for frame, pts, value in zip(lane.frames, lane.pts, lane.values, strict=True):
                yield Change(frame, pts, key, value, turns.get(frame, "same"))

    def lines(self) -> Iterator[str]:
        """The file."""
        starts = {key: lane.start for key, lane in self.lanes.items()}
        values = {**self.header.get("values", {}), **starts}
        yield json_line(
            {**self.header, "format": FORMAT, "version": VERSION, "first": self.first, "values": values}
        )
        for change in sorted(self.changes(), key=lambda change: (change.frame, change.key)):
            yield change_line(change)
        if self.end is not None:
            yield end_line(self.end, self.swapped)


def load_take(path: str | Path) -> Take:
    """A take from a file.

    Raises:
        SettingError: it can't be read or is no take; one line that says what is wrong with it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise SettingError(f"The take {path.name} is larger than 32 MB: choose another.")
        return parse_take(data.decode())
    except OSError as error:
        raise SettingError(f"{path.name} can't be read ({error.strerror}): choose another take.") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path.name} is no take: choose a file that ends with {SUFFIX}.") from None


def parse_take(text: str) -> Take:
    """A take from its lines.

    Raises:
        SettingError: what is wrong, and in which line.
    """
    first, *rest = text.split("\n")
    header = _header(_object(first, 1))
    lanes: dict[str, Lane] = {}
    end, swapped = None, ""
    if len(rest) > MOST_CHANGES + 2:
        raise SettingError(f"The take has more than {MOST_CHANGES} changes: it is none of ours.")
    for number, line in enumerate(rest, 2):
        if number == len(rest) + 1 or not line:  # the end, or what a crash has cut off
            break
        data = _object(line, number)
        if set(data) | {"swapped"} == {"end", "swapped"}:
            end, swapped = _whole(data, "end", number), data.get("swapped", "")
            if not isinstance(swapped, str) or not swapped.isprintable() or len(swapped) > LONGEST_KEY:
                raise SettingError(f"Line {number} of the take: swapped must be a name.")
            break
        _add(lanes, header["values"], data, number)
    return Take(header, lanes, header["first"], end, swapped)


def take_of(header: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], end: int | None) -> Take:
    """An edited take, checked as a file is; ``changes`` as the lines have them, in order of their frames."""
    lines = [json_line(header), *map(json_line, changes), *([] if end is None else [end_line(end)]), ""]
    return parse_take("\n".join(lines))


def check_change(key: Any, value: Any) -> None:
    """Raise SettingError unless these can be a live key and a value that a widget may have."""
    node_id, _, name = key.rpartition(".") if isinstance(key, str) else ("", "", "")
    if not node_id or not name or len(key) > LONGEST_KEY or not key.isprintable():
        raise SettingError("values must be named as '<node id>.<input name>'.")
    if isinstance(value, str):
        if len(value) > PROMPT_LIMIT or not is_text(value):
            raise SettingError(f"{key} must be text of at most {PROMPT_LIMIT} whole characters.")
    elif not is_number(value) or abs(value) > LARGEST_NUMBER:
        raise SettingError(f"{key} must be a number that a widget can have.")


def _add(lanes: dict[str, Lane], starts: Mapping[str, Value], data: Mapping[str, Any], number: int) -> None:
    key, value = data.get("key"), data.get("value")
    try:
        check_change(key, value)
        modulator = Modulator.parse(data["modulator"]) if data.get("modulator") is not None else None
    except SettingError as error:
        raise SettingError(f"Line {number} of the take: {error}") from None
    assert isinstance(key, str)
    if key not in starts:
        raise SettingError(f"Line {number} of the take: its first line has no value for {key}.")
    lane = lanes.setdefault(key, Lane(starts[key]))
    frame, pts = _whole(data, "frame", number), data.get("pts")
    if lane.frames and frame < lane.frames[-1]:
        raise SettingError(f"Line {number} of the take: frame {frame} comes after {lane.frames[-1]}.")
    if type(value) is not type(lane.start) and isinstance(value, str) != isinstance(lane.start, str):
        raise SettingError(f"Line {number} of the take: {key} changes between numbers and text.")
    if not is_number(pts) or not 0 <= pts <= LARGEST_FRAME:
        raise SettingError(f"Line {number} of the take: pts must be seconds from 0 on.")
    lane.add(frame, float(pts), value, modulator if "modulator" in data else lane.modulator)


def _header(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("format") != FORMAT:
        raise SettingError(f"This is no take: its format must be {FORMAT}.")
    if type(data.get("version")) is not int or data["version"] != VERSION:
        raise SettingError(f"The take must be of version {VERSION}: update LiveStyle, or record it again.")
    values = data.get("values")
    if not isinstance(values, dict):
        raise SettingError("The take's first line must have values, an object.")
    for key, value in values.items():
        check_change(key, value)
    return {**data, "first": _whole({"first": 0, **data}, "first", 1)}


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise SettingError(f"Line {number} of the take is not JSON: choose a file {SUFFIX}.") from None
    if not isinstance(data, dict):
        raise SettingError(f"Line {number} of the take must be a JSON object.")
    return data


def _whole(data: Mapping[str, Any], name: str, number: int) -> int:
    value = data.get(name)
    if type(value) is not int or not 0 <= value <= LARGEST_FRAME:
        raise SettingError(
            f"Line {number} of the take: {name} must be a whole number from 0 to {LARGEST_FRAME}."
        )
    return value
