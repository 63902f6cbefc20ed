"""Modulators in what comes from outside: a prompt's nodes, messages and show control.

In a queued prompt a node keeps them beside its title:

    "_meta": {"title": "Restyle",
              "livestyle_modulators": {"strength": {"signal": "sine", "offset": 0.5, "depth": 0.3}}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..engine.errors import SettingError
from ..engine.modulation.modulator import Modulator
from ..engine.runtime.session import StreamSession
from .addresses import keys_of
from .json_fields import MOST_VALUES

META_FIELD = "livestyle_modulators"

Modulators = dict[str, Modulator | None]
"""By key; None takes one away."""


def parse_modulators(data: Any) -> Modulators:
    """The modulators of a JSON object.

    Raises:
        SettingError: in one line, what is wrong.
    """
    if not isinstance(data, dict) or len(data) > MOST_VALUES:
        raise SettingError(f"modulators must be an object of at most {MOST_VALUES}.")
    parsed: Modulators = {}
    for key, value in data.items():
        try:
            parsed[key] = None if value is None else Modulator.parse(value)
        except SettingError as error:
            raise SettingError(f"{key[:80]!a}: {error}") from None
    return parsed


def set_modulators(session: StreamSession, modulators: Modulators) -> dict[str, str]:
    """Have modulators move a session's values, by key or address; one line for each that can't."""
    keys, refused = keys_of(session), {}
    for name, modulator in modulators.items():
        try:
            session.store.modulate(keys.get(name, name), modulator)
        except SettingError as error:
            refused[name] = str(error)
    return refused


def modulators_of(nodes: Iterable[str], graph: Mapping[str, Any]) -> Modulators:
    """Those that nodes have in a prompt's graph, by key.

    Raises:
        SettingError: one can't be understood.
    """
    found: Modulators = {}
    for node_id in nodes:
        meta = graph.get(node_id, {}).get("_meta")
        given = meta.get(META_FIELD) if isinstance(meta, dict) else None
        if given is not None:
            found |= {f"{node_id}.{name}": each for name, each in parse_modulators(given).items()}
    return found
