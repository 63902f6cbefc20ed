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
    """One chat turn: everything before the user's words, and everything after them."""

    system: str
    before: str
    after: str = "<|im_end|>\n<|im_start|>assistant\n"

    def text(self, prompt: str) -> str:
        """The whole conversation, ready for the tokenizer."""
        head = f"<|im_start|>system\n{self.system}<|im_end|>\n<|im_start|>user\n"
        return f"{head}{self.before}{prompt}{self.after}"


EDIT_BEFORE = (
    f"{VISION_START}{IMAGE_PAD}{VISION_END}[Edit]: A diptych with two side-by-side images of the same scene. "
    "Compared to the right side, the left one has "
)
EDIT = Template(EDIT_SYSTEM, EDIT_BEFORE)
GENERATE = Template(GENERATE_SYSTEM, "[Generate]: ")
