"""The chat template that DreamLite's encoder was trained with, and what of it is kept.

The strings are part of the checkpoint's interface (arXiv 2606.05981 and its reference
pipelines); a different wording gives different pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

EDIT_SYSTEM = (
    "Describe the key features of the input image (color, shape, size, texture, objects, background), "
    "then explain how the user's text instruction should alter or modify the image. Generate a new "
    "image that meets the user's requirements while maintaining consistency with the original input "
    "where appropriate."
)
GENERATE_SYSTEM = (
    "Describe the image by detailing the color, shape, size, texture, quantity, text, "
    "spatial relationships of the objects and background:"
)
VISION_START, IMAGE_PAD, VISION_END = "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"


@dataclass(frozen=True)
class Template:
    """One chat turn: a system text, a picture's place, the task, the user's words, and an end."""

    system: str
    picture: str
    task: str
    end: str = "<|im_end|>\n<|im_start|>assistant\n"

    @property
    def head(self) -> str:
        """What stands before the user's turn."""
        return f"<|im_start|>system\n{self.system}<|im_end|>\n<|im_start|>user\n"

    def text(self, prompt: str | None) -> str:
        """The whole conversation, ready for the tokenizer; None asks for nothing, not even the task."""
        asked = "" if prompt is None else f"{self.task}{prompt}"
        return f"{self.head}{self.picture}{asked}{self.end}"


EDIT_TASK = (
    "[Edit]: A diptych with two side-by-side images of the same scene. "
    "Compared to the right side, the left one has "
)
EDIT = Template(EDIT_SYSTEM, f"{VISION_START}{IMAGE_PAD}{VISION_END}", EDIT_TASK)
GENERATE = Template(GENERATE_SYSTEM, "", "[Generate]: ")
