"""What an MLLM-edit checkpoint expects, where checkpoints differ."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import CheckpointError
from ..note import NOTE

FAMILY = "mllm_edit"


@dataclass(frozen=True)
class Profile:
    """The defaults are the published DreamLite's; a demo checkpoint brings its own file.

    Attributes:
        injection: how the source reaches the U-Net: ``"width"`` puts its latent to the right of the
            noisy one (arXiv 2606.05981), ``"channel"`` stacks the two.
        prediction: what the U-Net's output means.
        image_side: side in pixels of the square picture that the vision tower sees.
        context_length: fixed number of conditioning states.
        guidance, image_guidance: weights of classifier-free guidance on the instruction and on the
            source; 1 and 1 for a distilled model, which needs none.
        canvas: (width, height) told to the U-Net as its time ids; None tells the real size.
        chunk: frames in a chunk where the artist leaves it to the model.
        fps: frames a second where there is no source.
    """

    injection: Literal["width", "channel"] = "width"
    prediction: Literal["velocity", "x0"] = "velocity"
    image_side: int = 256
    context_length: int = 192
    guidance: float = 1.0
    image_guidance: float = 1.0
    canvas: tuple[int, int] | None = None
    chunk: int = 4
    fps: float = 24.0

    @property
    def guided(self) -> bool:
        return (self.guidance, self.image_guidance) != (1.0, 1.0)

    @classmethod
    def load(cls, folder: Path) -> Profile:
        """Read ``livestyle.json`` of a checkpoint folder; without one, the published profile.

        DreamLite-base, which its ``model_index.json`` tells from -mobile, is guided as diffusers'
        pipeline does by default.
        """
        path, index = folder / NOTE, folder / "model_index.json"
        if not path.exists():
            base = index.exists() and json.loads(index.read_text()).get("_class_name") == "DreamLitePipeline"
            return cls(guidance=3.5, image_guidance=1.5) if base else cls()
        try:
            values = json.loads(path.read_text())["profile"]
            if values.get("canvas"):
                values["canvas"] = tuple(values["canvas"])
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path.name} of {folder.name} is damaged ({error}): get the checkpoint again."
            ) from error

    def as_json(self) -> dict:
        """The content of ``livestyle.json``."""
        return {"family": FAMILY, "profile": dataclasses.asdict(self)}
