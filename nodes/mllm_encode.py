"""MLLMEncode: the instruction that tells a streaming model what to do with the picture."""

from __future__ import annotations

from typing import Any

from ..engine.conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ..engine.errors import SettingError
from .checks import tensor_fingerprint
from .declare import StreamConditioning, boolean_widget, check_widgets, float_widget, int_widget, schema
from .host import io, plain_errors


class MLLMEncode(io.ComfyNode):
    """Makes a recipe; the session encodes it, chunk by chunk, with the frames in view."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="MLLMEncode",
            display_name="MLLM Encode",
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
                float_widget(
                    "reference_strength",
                    1.0,
                    (0.0, 1.0),
                    0.01,
                    "How much the reference pictures count; 0 ignores them.",
                ),
                int_widget(
                    "te_refresh_every",
                    1,
                    (0, 1000),
                    (
                        "Encode with fresh frames every this many chunks; 0 only when the prompt changes. "
                        "Higher is faster."
                    ),
                ),
                boolean_widget(
                    "te_batch_one",
                    False,
                    (
                        "Encode with the first frame of a chunk only and share the result in the chunk. "
                        "Faster."
                    ),
                ),
                float_widget(
                    "text_strength",
                    1.0,
                    (0.0, 1.0),
                    0.01,
                    "How much the prompt counts beside reference pictures; 0 ignores it.",
                ),
            ],
            outputs=[
                StreamConditioning.Output(
                    display_name="conditioning", tooltip="Connect it to Stream Denoise."
                )
            ],
        )

    @classmethod
    @plain_errors
    def execute(
        cls,
        prompt: str,
        conditioning: Any = None,
        references: Any = None,
        reference_strength: float = 1.0,
        te_refresh_every: int = 1,
        te_batch_one: bool = False,
        text_strength: float = 1.0,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        if len(prompt) > PROMPT_LIMIT:
            raise SettingError(f"prompt has {len(prompt)} characters: shorten it to {PROMPT_LIMIT} at most.")
        if conditioning is not None and prompt.strip():
            raise SettingError(
                "prompt and conditioning are both given: empty the prompt or disconnect conditioning."
            )
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
            text_strength=text_strength,
            fingerprint="|".join(given),
            node_id=str(cls.hidden.unique_id),
        )
        return io.NodeOutput(recipe)
