"""StreamDenoise: where a streaming model restyles the frames."""

from __future__ import annotations

from dataclasses import replace

from ..engine.conditioning.recipe import ConditioningRecipe
from ..engine.errors import one_of
from ..engine.families.base import LARGEST_SEED, DenoiseSettings, ModelHandle
from ..engine.motion.flow import FlowSettings
from ..engine.runtime.plan import PlanNode, Stylise
from ..engine.sampling.noise import POLICIES
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

CHOICES = {
    "noise": POLICIES,
    "rope_mode": ("auto", "absolute", "relative"),
    "cache_precision": ("auto", "fp8"),
    "run_on": ("here", "cluster"),
    "on_loss": ("stop", "restart"),
}
MEMORY = {
    "cache_reference": "frames of the reference kept in the model's memory",
    "cache_sink": "first frames that the model never forgets",
    "cache_window": "latest frames in the model's memory",
}
SWITCHES = {
    "compile": "compile the network at the start of a run; takes a minute, then runs faster.",
    "stream_batch": "work on several chunks' steps at once; faster on a graphics card, later.",
}
WORKER = {
    "run_on": "cluster runs the model on another machine of this one's Ray cluster.",
    "on_loss": "when that machine is lost, stop with the file so far, or restart on another.",
}
OF_PICTURE = "of the picture in pixels; 0 takes the source's."
EXPERTS = (*MEMORY, "rope_mode", "stream_batch", "cache_precision", "mask_cache")


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
                    CHOICES["noise"],
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
                *(
                    int_widget(side, 0, (0, 8192), f"{side.title()} {OF_PICTURE}", step=8)
                    for side in ("width", "height")
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
                    CHOICES["rope_mode"],
                    "Expert: how frames are numbered in the model's memory on long streams.",
                ),
                *(boolean_widget(name, False, f"Expert: {line}") for name, line in SWITCHES.items()),
                combo_widget(
                    "cache_precision",
                    CHOICES["cache_precision"],
                    "Expert: fp8 keeps past frames in eight bits, for large models; half the memory, slower.",
                ),
                float_widget(
                    "mask_cache",
                    0.0,
                    (0.0, 1.0),
                    0.05,
                    "Expert, for edits: share of the picture that later steps attend anew; 0 is all of it.",
                ),
                *(combo_widget(name, CHOICES[name], f"Expert: {line}") for name, line in WORKER.items()),
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
        run_on: str = "here",
        on_loss: str = "stop",
    ) -> io.NodeOutput:
        given = locals()
        check_widgets(cls, given)
        for name, choices in CHOICES.items():
            one_of(name, given[name], choices)
        settings = DenoiseSettings(
            steps=steps,
            strength=strength,
            seed=seed,
            noise=noise,
            chunk=chunk,
            width=width,
            height=height,
            fps=fps,
            length=length,
            flow=flow or FlowSettings(),
            compile=compile,
            advanced=tuple((name, given[name]) for name in EXPERTS if given[name] not in (0, "auto")),
        )
        if run_on == "cluster":
            model = replace(model, run_on=run_on, on_loss=on_loss)
        parents = () if frames is None else (frames,)
        stylised = Stylise(model, conditioning, settings)
        return io.NodeOutput(PlanNode(stylised, parents, str(cls.hidden.unique_id)))
