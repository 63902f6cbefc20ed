"""One preset: live values under a name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..engine.errors import SettingError
from ..engine.takes.take import check_change
from .examples import PREFIX
from .json_fields import line_field, recall_fields
from .preset_picture import picture_field

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

    def as_json(self) -> dict[str, Any]:
        """The preset as JSON, without what it has not."""
        fields = asdict(self).items()
        return {name: value for name, value in fields if value or name not in ("references", "picture")}


def parse_preset(number: int, data: Any) -> Preset:
    """The preset in a JSON value from outside; ``number`` is its place. Raises SettingError with one line."""
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
