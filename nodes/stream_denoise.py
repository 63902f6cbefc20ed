"""StreamDenoise: where a streaming model restyles the frames."""

from __future__ import annotations

from ..engine.conditioning.recipe import ConditioningRecipe
from ..engine.families.base import LARGEST_SEED, DenoiseSettings, ModelHandle
from ..engine.motion.flow import FlowSettings
from ..engine.runtime.plan import PlanNode, Stylise
from ..engine.sampling.noise import POLICIES
from .checks import one_of
from .declare import (
    Flow,
    FrameStream,
    StreamConditioning,
    StreamModelSocket,
    boolean_widget,
    check_widgets,
    combo_widget,
    float_widget,
    int_widget,
    schema,
)
from .host import io, plain_errors

ROPE_MODES = ("auto", "absolute", "relative")
CACHE_PRECISIONS = ("auto", "fp8")
MEMORY = {
    "cache_reference": "frames of the reference kept in the model's memory",
    "cache_sink": "first frames that the model never forgets",
    "cache_window": "latest frames in the model's memory",
}


class StreamDenoise(io.ComfyNode):
    """Adds the denoising step to the plan; the write node at the end runs it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StreamDenoise",
            display_name="Stream Denoise",
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
                int_widget("steps", 1, (1, 50), "Denoising steps for each frame; 1 is the fastest."),
                float_widget(
                    "strength",
                    1.0,
                    (0.0, 1.0),
                    0.01,
                    "0 gives the source back, 1 is the full effect. Live: acts while the stream runs.",
                ),
                int_widget(
                    "seed",
                    0,
                    (0, LARGEST_SEED),
                    "Same seed, same clip, same picture. Live: acts while the stream runs.",
                    control_after_generate=False,  # a new seed after each Run would act on the run itself
                ),
                combo_widget(
                    "noise",
                    POLICIES,
                    (
                        "shared: one noise for all frames, steadier. fresh: new noise for each frame, "
                        "livelier. per_slot: one for each place in a chunk. flow_warped: noise that moves "
                        "with the picture."
                    ),
                ),
                int_widget(
                    "chunk",
                    0,
                    (0, 256),
                    (
                        "Frames worked on together; 0 lets the model decide. Smaller reacts sooner, needs "
                        "less memory."
                    ),
                ),
                int_widget(
                    "width", 0, (0, 8192), "Width of the picture in pixels; 0 takes the source's.", step=8
                ),
                int_widget(
                    "height", 0, (0, 8192), "Height of the picture in pixels; 0 takes the source's.", step=8
                ),
                float_widget(
                    "fps",
                    0.0,
                    (0.0, 240.0),
                    0.001,
                    "Frames a second when no frames are connected; 0 takes the model's.",
                ),
                int_widget(
                    "length",
                    0,
                    (0, 1_000_000),
                    "Frames to generate when no frames are connected; 0 plays until Stop.",
                ),
                *(
                    int_widget(name, 0, (0, 4096), f"Expert: {frames}; 0 takes the model's.")
                    for name, frames in MEMORY.items()
                ),
                combo_widget(
                    "rope_mode",
                    ROPE_MODES,
                    "Expert: how frames are numbered in the model's memory on long streams.",
                ),
                boolean_widget(
                    "compile",
                    False,
                    "Expert: compile the network at the start of a run; takes a minute, then runs faster.",
                ),
                boolean_widget(
                    "stream_batch",
                    False,
                    "Expert: work on several chunks' steps at once; faster on a graphics card, later.",
                ),
                combo_widget(
                    "cache_precision",
                    CACHE_PRECISIONS,
                    "Expert: fp8 keeps past frames in eight bits, for large models; half the memory, slower.",
                ),
                float_widget(
                    "mask_cache",
                    0.0,
                    (0.0, 1.0),
                    0.05,
                    "Expert, for edits: share of the picture that later steps attend anew; 0 is all of it.",
                ),
            ],
            outputs=[FrameStream.Output(display_name="frames", tooltip="The restyled stream.")],
        )

    @classmethod
    @plain_errors
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
        stream_batch: bool = False,
        cache_precision: str = "auto",
        mask_cache: float = 0.0,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        one_of("rope_mode", rope_mode, ROPE_MODES)
        one_of("cache_precision", cache_precision, CACHE_PRECISIONS)
        experts = {
            "cache_reference": cache_reference,
            "cache_sink": cache_sink,
            "cache_window": cache_window,
            "rope_mode": rope_mode,
            "stream_batch": stream_batch,
            "cache_precision": cache_precision,
            "mask_cache": mask_cache,
        }
        settings = DenoiseSettings(
            steps=steps,
            strength=strength,
            seed=seed,
            noise=one_of("noise", noise, POLICIES),
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
