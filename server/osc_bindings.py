"""What OSC addresses and arguments mean: a fader that was learned goes from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.errors import SettingError
from ..engine.families.base import LiveParameter
from .addresses import ROOT
from .json_fields import LONGEST_TEXT, MOST_VALUES

Peer = tuple[str, int]
"""Host and port of a controller."""

Learned = Mapping[str, str]
"""Addresses of a controller by key."""


def parse_learned(data: Any) -> dict[str, str]:
    """What a page sends of what its faders were taught.

    Raises:
        SettingError: in one line, what is wrong.
    """
    if not isinstance(data, dict) or len(data) > MOST_VALUES:
        raise SettingError(f"learned must be an object of at most {MOST_VALUES} addresses.")
    for key, address in data.items():
        if not isinstance(address, str) or not can_be_learned(address) or len(key) > LONGEST_TEXT:
            raise SettingError(
                f"learned must name a controller's OSC address for each key, none below {ROOT}."
            )
    return data


def can_be_learned(address: str) -> bool:
    """Whether an address is a controller's: ours have their meaning already."""
    printable = address.isascii() and address.isprintable() and len(address) <= LONGEST_TEXT
    return printable and address.startswith("/") and not f"{address}/".startswith(f"{ROOT}/")


def shared_addresses(learned: Learned) -> list[str]:
    """One line for each address that moves several values."""
    keys: dict[str, list[str]] = {}
    for key, address in learned.items():
        keys.setdefault(address, []).append(key)
    return [
        f"{address} moves {' and '.join(both)}: learn another for one of them if that is not meant."
        for address, both in keys.items()
        if len(both) > 1
    ]


def one_value(arguments: Sequence[Any]) -> float | int | str:
    """The number or text of a message; a float has the seven digits that OSC carries.

    Raises:
        SettingError: there are none or several, or it is neither.
    """
    if len(arguments) != 1 or isinstance(arguments[0], bool):
        raise SettingError("send one number or text.")
    value = arguments[0]
    if not isinstance(value, int | float | str):
        raise SettingError("send one number or text.")
    return float(f"{value:.7g}") if isinstance(value, float) else value


def from_fader(spec: LiveParameter, value: float | int | str) -> float | int | str:
    """What a fader's 0 to 1 means for a setting: its range. Text stays as it is.

    Raises:
        SettingError: the setting's range is open, so that a fader can't cover it.
    """
    if isinstance(value, str) or spec.kind == "text":
        return value
    if spec.minimum is None or spec.maximum is None:
        raise SettingError(f"{spec.key} has no range for a fader.")
    moved = spec.minimum + (spec.maximum - spec.minimum) * min(1.0, max(0.0, float(value)))
    return round(moved) if spec.kind == "int" else moved


def to_fader(spec: LiveParameter, value: float | int | str) -> float | int | str:
    """Where a fader stands that shows this value, 0 to 1; text stays as it is."""
    if isinstance(value, str) or spec.minimum is None or spec.maximum is None:
        return value
    return (value - spec.minimum) / ((spec.maximum - spec.minimum) or 1)


def sender_name(peer: Peer) -> str:
    """A controller as the sender of a change."""
    return f"osc {peer[0]}:{peer[1]}"
