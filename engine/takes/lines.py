"""The lines of a take's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .log import Change


def change_fields(change: Change) -> dict[str, Any]:
    """A change as JSON has it; ``modulator`` only where another one, or none, makes the value from now on."""
    fields = change._asdict()
    if change.modulator == "same":
        del fields["modulator"]
    elif change.modulator is not None:
        fields["modulator"] = asdict(change.modulator)
    return fields


def change_line(change: Change) -> str:
    """One change."""
    return json_line(change_fields(change))


def end_line(end: int, swapped: str = "") -> str:
    """The last line; ``swapped`` is the model or source that was swapped in there."""
    return json_line({"end": end, "swapped": swapped} if swapped else {"end": end})


def json_line(data: Mapping[str, Any]) -> str:
    """An object, without the line's end."""
    return json.dumps(data)
