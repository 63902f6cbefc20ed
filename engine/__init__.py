"""LiveStyle's engine: streaming diffusion without ComfyUI.

Imports torch, diffusers, transformers, OpenCV and PyAV; never ``comfy``.
"""

from . import log  # noqa: F401 - before the library that it quiets is imported
