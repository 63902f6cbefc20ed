"""FrameStreamIO: where a stream comes from and where it goes, or two meet; a last write node runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ..engine.errors import MediaError, one_of
from ..engine.media.live.choice import LiveChoice, live_target
from ..engine.media.live.sink_spec import LiveSinkSpec
from ..engine.media.mixing import Mix
from ..engine.media.sinks import SinkSpec
from ..engine.media.sources import SourceSpec
from ..engine.media.tracks import TrackChoice
from ..engine.media.types import Trim
from ..engine.runtime.plan import PlanNode, Read, Write
from ..engine.runtime.stream_role import role_of
from ..server.last_values import with_last_values
from ..server.secrets import without_secrets
from . import host
from .checks import colour_named
from .declare import FrameStream, check_widgets, schema
from .frame_stream_inputs import CODECS, COMPARES, MIXES, RESIZES, RUN_MODES, stream_inputs
from .host import io, plain_errors
from .paths import media_path, reserve_path, unquoted
from .reading import Choice, file_fingerprint, source_of
from .run import run_plan

FRAMES, VIDEO, IMAGES = range(3)


class FrameStreamIO(io.ComfyNode):
    """Reads unless ``frames`` is connected, then writes, or mixes where ``frames_b`` is, too; runs the plan
    where nothing follows.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FrameStreamIO",
            display_name="Frame Stream IO",
            description=(
                "Opens a video, a camera or a network stream as frames or, with 'frames' connected, writes "
                "them to a video file, a network stream or a virtual camera; with 'frames_b' it mixes two. "
                "The last write node of a graph runs the stream."
            ),
            search_aliases=[
                *("load video", "save video", "video input", "video output", "stream", "vid2vid"),
                *("webcam", "camera", "screen capture", "rtsp", "rtmp", "srt", "hls", "ndi", "obs", "record"),
            ],
            inputs=stream_inputs(),
            outputs=[
                FrameStream.Output(
                    display_name="frames",
                    tooltip="The stream. On a write node: connect it, and the next write node runs both.",
                ),
                io.Video.Output(
                    display_name="video", tooltip="The finished file of the write node that ran the stream."
                ),
                io.Image.Output(display_name="images", tooltip="Its last frames, as many as keep_last says."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, file: str | None = None, device: str | None = None) -> bool:
        """Leave these to ``execute``: a file may be newer than the list or annotated, a device plugged in."""
        return True

    @classmethod
    def fingerprint_inputs(
        cls, file: str = "", path: str = "", source: str = "file", **inputs: Any
    ) -> str | float:
        """The file's size and time on the read side; the write side and live sources run at every Run."""
        if "frames" in inputs or source != "file":  # links are present here, with the value None
            return float("nan")
        name = file or unquoted(path)
        try:
            return file_fingerprint(media_path(name)) if name else ""
        except (MediaError, OSError):
            return ""  # execute says what is wrong

    @classmethod
    @plain_errors
    def execute(
        cls,
        frames: PlanNode | None = None,
        compare: PlanNode | None = None,
        video: Any = None,
        images: torch.Tensor | None = None,
        mode: str = "auto",
        file: str = "",
        path: str = "",
        images_fps: float = 24.0,
        start: float = 0.0,
        duration: float = 0.0,
        every_nth: int = 1,
        fps: float = 0.0,
        resize: str = "crop",
        filename_prefix: str = "livestyle/video",
        compare_mode: str = "off",
        quality: int = 18,
        codec: str = "auto",
        keep_last: int = 0,
        preview: bool = True,
        source: str = "file",
        url: str = "",
        device: str = "",
        clock: str = "auto",
        allow_private: bool = False,
        target: str = "file",
        target_url: str = "",
        bitrate: int = 4000,
        record: bool = True,
        video_track: int = 0,
        audio_track: int = 0,
        background: str = "#000000",
        keep_audio_codec: bool = False,
        take: str = "",
        record_source: bool = False,
        run_mode: str = "foreground",
        frames_b: PlanNode | None = None,
        mask: PlanNode | None = None,
        mix: str = "crossfade",
        balance: float = 1.0,
        inset_x: float = 1.0,
        inset_y: float = 1.0,
        inset_size: float = 0.3,
        volume: float = 1.0,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        live = LiveChoice(source, url, device, clock, allow_private)
        choice = Choice(file, unquoted(path), video, images, live)
        streams = {"frames": frames, "compare": compare, "frames_b": frames_b, "mask": mask}
        used = [*choice.used(), *(name for name, stream in streams.items() if stream is not None)]
        role = role_of(mode, used)
        if role == "mixes":
            shown = Mix(one_of("mix", mix, MIXES), balance, inset_x, inset_y, inset_size)
            parents = tuple(each for each in (frames, frames_b, mask if mix == "mask" else None) if each)
            plan = PlanNode(shown, parents, cls._id())
        elif role == "reads":
            spec = source_of(choice, Trim(start, duration, every_nth, fps), images_fps)
            if isinstance(spec, SourceSpec):
                tracks = TrackChoice(video_track, audio_track)
                spec = replace(spec, tracks=tracks, background=colour_named("background", background))
            plan = PlanNode(Read(spec, one_of("resize", resize, RESIZES)), node_id=cls._id())
        if role != "writes":
            reason = f"This FrameStreamIO {role}: take video and images from the one that writes."
            return io.NodeOutput(plan, host.blocked(reason), host.blocked(reason))

        sink: SinkSpec | LiveSinkSpec
        if target == "file":
            tags = without_secrets(host.metadata(cls.hidden))
            sink = SinkSpec(
                reserve_path(filename_prefix, cls._id()),
                codec=one_of("codec", codec, CODECS),
                quality=quality,
                metadata=tags,
                last_metadata=with_last_values,
                keep_last=keep_last,
                record=record,
                keep_take=bool(tags),
                keep_audio_codec=keep_audio_codec,
            )
        else:
            sink = live_target(target, target_url, allow_private, bitrate, keep_last)
        plan = PlanNode(
            Write(sink, one_of("compare_mode", compare_mode, COMPARES), preview, volume),
            parents=tuple(stream for stream in (frames, compare) if stream is not None),
            node_id=cls._id(),
        )
        if host.consumers(cls.hidden, FRAMES):
            reason = (
                "This FrameStreamIO passes its stream on: take video and images from the write node after it."
            )
            return io.NodeOutput(plan, host.blocked(reason), host.blocked(reason))
        background = one_of("run_mode", run_mode, RUN_MODES) == "background" and host.PLAYS_ON
        return cls._pump(plan, media_path(unquoted(take)) if take else "", record_source, background)

    @classmethod
    def _pump(cls, plan: PlanNode, take: str, record_source: bool, background: bool) -> io.NodeOutput:
        """Run the plan; its own file becomes the outputs and the picture on the node."""
        result, entry = run_plan(plan, take, record_source, background)
        if background:
            reason = "This node plays in the background: its file is known when it ends."
            return io.NodeOutput(plan, host.blocked(reason), host.blocked(reason))
        tail = host.blocked("keep_last is 0: raise it to get the last frames as images.")
        if result.tail is not None and len(result.tail):
            tail = torch.from_numpy(result.tail).float().div_(255)
        if entry is None:
            return io.NodeOutput(plan, host.blocked("This node recorded no file."), tail)
        return io.NodeOutput(plan, host.video_output(result.path), tail, ui={"video": [entry]})

    @classmethod
    def _id(cls) -> str:
        return str(cls.hidden.unique_id)
