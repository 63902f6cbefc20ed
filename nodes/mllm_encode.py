"""MLLMEncode: the instruction that tells a streaming model what to do with the picture."""

from __future__ import annotations

from typing import Any

from ..engine.conditioning.recipe import ConditioningRecipe
from ..engine.errors import SettingError
from .checks import tensor_fingerprint, within
from .host import io, schema
from .sockets import CATEGORY, StreamConditioning

LONGEST_PROMPT = 4000


class MLLMEncode(io.ComfyNode):
    """Makes a recipe; the session encodes it, chunk by chunk, with the frames in view."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="MLLMEncode",
            display_name="MLLM Encode",
            category=CATEGORY,
            description=(
                "An instruction for the stream, such as 'make it an oil painting'. Change it while the "
                "stream plays."
            ),
            search_aliases=["prompt", "instruction", "style", "text encode", "live prompt"],
            inputs=[
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="make it an oil painting",
                    tooltip=(
                        "What to do with the picture; empty gives the source back. Live: acts while the "
                        "stream runs."
                    ),
                ),
                io.Conditioning.Input(
                    "conditioning",
                    optional=True,
                    tooltip=(
                        "Text encoded by ComfyUI's own nodes, instead of the prompt, which then must be "
                        "empty."
                    ),
                ),
                io.Image.Input("references", optional=True, tooltip="Pictures whose style to take."),
                io.Float.Input(
                    "reference_strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="How much the reference pictures count; 0 ignores them.",
                ),
                io.Int.Input(
                    "te_refresh_every",
                    default=1,
                    min=0,
                    max=1000,
                    optional=True,
                    tooltip=(
                        "Encode with fresh frames every this many chunks; 0 only when the prompt changes. "
                        "Higher is faster."
                    ),
                ),
                io.Boolean.Input(
                    "te_batch_one",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Encode with the first frame of a chunk only and share the result in the chunk. "
                        "Faster."
                    ),
                ),
            ],
            outputs=[
                StreamConditioning.Output(
                    display_name="conditioning", tooltip="Connect it to Stream Denoise."
                )
            ],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # the output names this node, so an equal node must not share it
        )

    @classmethod
    def execute(
        cls,
        prompt: str,
        conditioning: Any = None,
        references: Any = None,
        reference_strength: float = 1.0,
        te_refresh_every: int = 1,
        te_batch_one: bool = False,
    ) -> io.NodeOutput:
        if len(prompt) > LONGEST_PROMPT:
            raise SettingError(
                f"prompt has {len(prompt)} characters: shorten it to {LONGEST_PROMPT} at most."
            )
        if conditioning is not None and prompt.strip():
            raise SettingError(
                "prompt and conditioning are both given: empty the prompt or disconnect conditioning."
            )
        within("reference_strength", reference_strength, 0, 1)
        within("te_refresh_every", te_refresh_every, 0, 1000)
        given = [] if references is None else [tensor_fingerprint(references)]
        if conditioning is not None:
            given.extend(tensor_fingerprint(embedding) for embedding, _ in conditioning)
        recipe = ConditioningRecipe(
            prompt=prompt.strip(),
            references=() if references is None else tuple(references),
            reference_strength=reference_strength,
            te_refresh_every=te_refresh_every,
            te_batch_one=te_batch_one,
            external=conditioning,
            fingerprint="|".join(given),
            node_id=str(cls.hidden.unique_id),
        )
        return io.NodeOutput(recipe)
