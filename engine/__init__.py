"""LiveStyle's engine: streaming diffusion without ComfyUI.

Imports torch, diffusers, transformers, OpenCV and PyAV; never ``comfy``.
"""
