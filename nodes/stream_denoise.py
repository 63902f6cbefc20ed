"""StreamDenoise: where a streaming model restyles the frames."""

from __future__ import annotations

from ..engine.conditioning.recipe import ConditioningRecipe
from ..engine.families.base import DenoiseSettings, ModelHandle
from ..engine.motion.flow import FlowSettings
from ..engine.runtime.plan import PlanNode, Stylise
from .checks import one_of, within
from .host import advanced, io, schema
from .sockets import CATEGORY, Flow, FrameStream, StreamConditioning, StreamModelSocket

NOISES = ("shared", "fresh", "per_slot", "flow_warped")
ROPE_MODES = ("auto", "absolute", "relative")
LARGEST_SEED = 2**53 - 1
"""The largest whole number that a widget in a browser holds exactly."""


class StreamDenoise(io.ComfyNode):
    """Adds the denoising step to the plan; the write node at the end runs it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StreamDenoise",
            display_name="Stream Denoise",
            category=CATEGORY,
            description="Restyles a stream of frames with a streaming diffusion model, chunk by chunk.",
            search_aliases=["vid2vid", "video to video", "restyle", "stream diffusion", "sampler"],
            inputs=[
                FrameStream.Input(
                    "frames",
                    optional=True,
                    tooltip="The frames to restyle; leave it open to generate from text.",
                ),
                StreamModelSocket.Input("model", tooltip="The model, from Load Stream Model."),
                StreamConditioning.Input(
                    "conditioning", tooltip="What to do with the picture, from MLLM Encode."
                ),
                Flow.Input(
                    "flow",
                    optional=True,
                    tooltip="How motion is found where noise is flow_warped, from Flow Warp.",
                ),
                io.Int.Input(
                    "steps",
                    default=1,
                    min=1,
                    max=50,
                    optional=True,
                    tooltip="Denoising steps for each frame; 1 is the fastest.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip=(
                        "0 gives the source back, 1 is the full effect. Live: acts while the stream runs."
                    ),
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=LARGEST_SEED,
                    control_after_generate=False,  # a new seed after each Run would act on the run itself
                    optional=True,
                    tooltip="Same seed, same clip, same picture. Live: acts while the stream runs.",
                ),
                io.Combo.Input(
                    "noise",
                    options=list(NOISES),
                    default="shared",
                    optional=True,
                    tooltip=(
                        "shared: one noise for all frames, steadier. fresh: new noise for each frame, "
                        "livelier. per_slot: one for each place in a chunk. flow_warped: noise that moves "
                        "with the picture."
                    ),
                ),
                io.Int.Input(
                    "chunk",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip=(
                        "Frames worked on together; 0 lets the model decide. Smaller reacts sooner, needs "
                        "less memory."
                    ),
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=8192,
                    step=8,
                    optional=True,
                    tooltip="Width of the picture in pixels; 0 takes the source's.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=8192,
                    step=8,
                    optional=True,
                    tooltip="Height of the picture in pixels; 0 takes the source's.",
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=240.0,
                    step=0.001,
                    optional=True,
                    tooltip="Frames a second when no frames are connected; 0 takes the model's.",
                ),
                io.Int.Input(
                    "length",
                    default=0,
                    min=0,
                    max=1_000_000,
                    optional=True,
                    tooltip="Frames to generate when no frames are connected; 0 plays until Stop.",
                ),
                advanced(
                    io.Int.Input,
                    "cache_reference",
                    default=0,
                    min=0,
                    max=4096,
                    optional=True,
                    tooltip=(
                        "Expert: frames of the reference kept in the model's memory; 0 takes the model's."
                    ),
                ),
                advanced(
                    io.Int.Input,
                    "cache_sink",
                    default=0,
                    min=0,
                    max=4096,
                    optional=True,
                    tooltip="Expert: first frames that the model never forgets; 0 takes the model's.",
                ),
                advanced(
                    io.Int.Input,
                    "cache_window",
                    default=0,
                    min=0,
                    max=4096,
                    optional=True,
                    tooltip="Expert: latest frames in the model's memory; 0 takes the model's.",
                ),
                advanced(
                    io.Combo.Input,
                    "rope_mode",
                    options=list(ROPE_MODES),
                    default="auto",
                    optional=True,
                    tooltip="Expert: how frames are numbered in the model's memory on long streams.",
                ),
                advanced(
                    io.Boolean.Input,
                    "compile",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Expert: compile the network at the start of a run; takes a minute, then runs faster."
                    ),
                ),
            ],
            outputs=[FrameStream.Output(display_name="frames", tooltip="The restyled stream.")],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # the output names this node, so an equal node must not share it
        )

    @classmethod
    def execute(
        cls,
        model: ModelHandle,
        conditioning: ConditioningRecipe,
        frames: PlanNode | None = None,
        flow: FlowSettings | None = None,
        steps: int = 1,
        strength: float = 1.0,
        seed: int = 0,
        noise: str = "shared",
        chunk: int = 0,
        width: int = 0,
        height: int = 0,
        fps: float = 0.0,
        length: int = 0,
        cache_reference: int = 0,
        cache_sink: int = 0,
        cache_window: int = 0,
        rope_mode: str = "auto",
        compile: bool = False,
    ) -> io.NodeOutput:
        within("steps", steps, 1, 50)
        within("strength", strength, 0, 1)
        within("seed", seed, 0, LARGEST_SEED)
        within("chunk", chunk, 0, 256)
        one_of("rope_mode", rope_mode, ROPE_MODES)
        experts = {
            "cache_reference": cache_reference,
            "cache_sink": cache_sink,
            "cache_window": cache_window,
            "rope_mode": rope_mode,
        }
        settings = DenoiseSettings(
            steps=steps,
            strength=strength,
            seed=seed,
            noise=one_of("noise", noise, NOISES),
            chunk=chunk,
            width=width,
            height=height,
            fps=fps,
            length=length,
            flow=flow or FlowSettings(),
            compile=compile,
            advanced=tuple((name, value) for name, value in experts.items() if value not in (0, "auto")),
        )
        return io.NodeOutput(
            PlanNode(
                Stylise(model, conditioning, settings),
                parents=() if frames is None else (frames,),
                node_id=str(cls.hidden.unique_id),
            )
        )
