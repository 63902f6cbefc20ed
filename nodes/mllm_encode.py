"""MLLMEncode: the instruction that tells a streaming model what to do with the picture."""

from __future__ import annotations

from typing import Any

from ..engine.conditioning.host_text import HostText
from ..engine.conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ..engine.errors import MediaError, SettingError
from .checks import tensor_fingerprint
from .declare import (
    StreamConditioning,
    boolean_widget,
    check_widgets,
    combo_widget,
    float_widget,
    int_widget,
    schema,
)
from .host import io, plain_errors
from .paths import media_path
from .reading import file_fingerprint, pictures, read_picture

NO_REFERENCE = "none"


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
                    "Encode anew every this many chunks; 0 only when the prompt changes. Higher is faster.",
                ),
                boolean_widget(
                    "te_batch_one",
                    False,
                    "Encode with the first frame of a chunk only and share it in the chunk. Faster.",
                ),
                float_widget(
                    "text_strength",
                    1.0,
                    (0.0, 1.0),
                    0.01,
                    "How much the prompt counts beside reference pictures; 0 ignores it.",
                ),
                combo_widget(
                    "reference",
                    [NO_REFERENCE, *pictures()],
                    "One more picture: an example, or one in ComfyUI's input folder; it comes last.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="ComfyUI's own text encoder (CLIPLoader, type wan), which then reads the prompt.",
                ),
            ],
            outputs=[
                StreamConditioning.Output(
                    display_name="conditioning", tooltip="Connect it to Stream Denoise."
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, reference: str = NO_REFERENCE, **inputs: Any) -> str:
        """Size and time of the chosen picture, so that one that was painted over is read again."""
        try:
            return "" if reference == NO_REFERENCE else file_fingerprint(media_path(reference))
        except (MediaError, OSError):
            return ""  # execute says what is wrong

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
        reference: str = NO_REFERENCE,
        clip: Any = None,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        if len(prompt) > PROMPT_LIMIT:
            raise SettingError(f"prompt has {len(prompt)} characters: shorten it to {PROMPT_LIMIT} at most.")
        if conditioning is not None and prompt.strip():
            raise SettingError(
                "prompt and conditioning are both given: empty the prompt or disconnect conditioning."
            )
        taken = [] if references is None else list(references)
        if reference != NO_REFERENCE:
            taken.append(read_picture(reference))
        given = [tensor_fingerprint(picture) for picture in taken]
        if conditioning is not None:
            given.extend(tensor_fingerprint(embedding) for embedding, _ in conditioning)
        if clip is not None:
            given.append(f"clip-{id(clip):x}")
        recipe = ConditioningRecipe(
            prompt=prompt.strip(),
            references=tuple(taken),
            reference_strength=reference_strength,
            te_refresh_every=te_refresh_every,
            te_batch_one=te_batch_one,
            external=conditioning,
            clip=None if clip is None else HostText(clip),
            text_strength=text_strength,
            fingerprint="|".join(given),
            node_id=str(cls.hidden.unique_id),
        )
        return io.NodeOutput(recipe)
