"""LiveStyle: a ComfyUI canvas as a live instrument for video."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """ComfyUI's door into the pack; everything heavy is imported here, not at import time."""
    import logging

    try:
        from .nodes import build_extension

        return build_extension()
    except Exception:
        logging.getLogger("livestyle").exception("LiveStyle failed to load")
        raise
