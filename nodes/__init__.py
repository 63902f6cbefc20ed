"""The nodes: schema, validation, and a call into the engine. ``host`` is the only door to ComfyUI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import ComfyExtension


def build_extension() -> ComfyExtension:
    """Everything that ComfyUI registers: model folders, routes, nodes.

    The imports wait until here so that single modules of this package import without ComfyUI.
    """
    import os
    from functools import partial

    from ..engine.runtime.registry import sessions
    from ..server.actions import Files
    from ..server.examples import serve_examples
    from ..server.free_route import after_free
    from ..server.host_names import SETTING, HostNames
    from ..server.owners import hide_secret
    from ..server.routes import register_routes
    from ..server.share_links import ShareLinks, load_secret
    from ..server.snapshots import save_snapshot
    from . import host
    from .flow_warp import FlowWarp
    from .frame_stream_io import FrameStreamIO
    from .kv_cache_style_switch import KVCacheStyleSwitch
    from .load_stream_model import LoadStreamModel
    from .mllm_encode import MLLMEncode
    from .paths import media_path, output_stem
    from .run import release_models
    from .stream_denoise import StreamDenoise
    from .temporal_lllite import TemporalLLLite

    host.register_model_folder()
    table = host.route_table()
    if table is not None:
        host.before_queueing(hide_secret)
        host.add_middleware(serve_examples)
        host.add_middleware(after_free(release_models))
        links = ShareLinks(load_secret(host.user_folder() / "watch.key"))
        hosts = HostNames(os.environ.get(SETTING, "").split(","))
        files = Files(partial(save_snapshot, stem_of=output_stem), host.view_of, media_path)
        register_routes(table, sessions, links, hosts, files)
    return host.extension(
        [
            LoadStreamModel,
            MLLMEncode,
            StreamDenoise,
            FrameStreamIO,
            TemporalLLLite,
            KVCacheStyleSwitch,
            FlowWarp,
        ]
    )
