"""FlowWarp: optical flow against flicker, on a stream or on images."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ..engine.errors import SettingError, one_of
from ..engine.motion.blend import FlowBlender
from ..engine.motion.flow import FlowSettings
from ..engine.runtime.plan import FlowBlend, PlanNode
from . import host
from .declare import Flow, FrameStream, boolean_widget, check_widgets, combo_widget, float_widget, schema
from .host import io, plain_errors

ESTIMATORS = ("dis_fast", "dis_medium", "farneback")
BLOCK = 16
"""Images that are worked on between two looks at Cancel."""


class FlowWarp(io.ComfyNode):
    """Blends each frame with the flow-warped one before it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FlowWarp",
            display_name="Flow Warp",
            description=(
                "Steadies a stream with optical flow, warps images along the motion of others, and tells "
                "other nodes how motion is found."
            ),
            search_aliases=["optical flow", "deflicker", "warp", "temporal consistency"],
            inputs=[
                FrameStream.Input("frames", optional=True, tooltip="The stream to steady."),
                io.Image.Input("images", optional=True, tooltip="Images to warp, instead of a stream."),
                io.Image.Input(
                    "guide",
                    optional=True,
                    tooltip=(
                        "Images whose motion the warp follows, as many as images; a single image is carried "
                        "along all of it."
                    ),
                ),
                combo_widget(
                    "estimator",
                    ESTIMATORS,
                    "How motion is found: dis_fast is the quickest, farneback the smoothest.",
                ),
                float_widget(
                    "scale",
                    0.5,
                    (0.1, 1.0),
                    0.05,
                    "Size at which motion is found; smaller is faster and coarser.",
                ),
                boolean_widget("occlusion", True, "Leave out what was hidden in the frame before."),
                float_widget(
                    "blend",
                    0.5,
                    (0.0, 1.0),
                    0.01,
                    "Share of the warped frame in the picture. Live: acts while the stream runs.",
                ),
            ],
            outputs=[
                FrameStream.Output(display_name="frames", tooltip="The steadied stream."),
                io.Image.Output(display_name="images", tooltip="The warped images."),
                Flow.Output(
                    display_name="flow",
                    tooltip="How motion is found, for Temporal LLLite and Stream Denoise.",
                ),
            ],
        )

    @classmethod
    @plain_errors
    def execute(
        cls,
        frames: PlanNode | None = None,
        images: torch.Tensor | None = None,
        guide: torch.Tensor | None = None,
        estimator: str = "dis_fast",
        scale: float = 0.5,
        occlusion: bool = True,
        blend: float = 0.5,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        flow = FlowSettings(one_of("estimator", estimator, ESTIMATORS), scale)
        stream = host.blocked("Flow Warp has no stream: connect one to frames.")
        if frames is not None:
            operation = FlowBlend(flow, occlusion, blend)
            stream = PlanNode(operation, parents=(frames,), node_id=str(cls.hidden.unique_id))
        if images is None and guide is not None:
            raise SettingError("guide has nothing to guide: connect images, or disconnect guide.")
        warped = host.blocked("Flow Warp has no images: connect some.")
        if images is not None:
            warped = warp_images(
                images, images if guide is None else guide, FlowBlender(flow, occlusion), blend
            )
        return io.NodeOutput(stream, warped, flow)


def warp_images(
    images: torch.Tensor, guide: torch.Tensor, blender: FlowBlender, share: float
) -> torch.Tensor:
    """Blend an IMAGE batch along the motion of another.

    Args:
        images: float32 (N, H, W, C) in 0..1; a single one stands for as many as ``guide`` has.
        guide: float32 (N, h, w, C) of any size.
        blender: fresh.
        share: of the warped picture.

    Raises:
        SettingError: the numbers of images differ.
    """
    if len(images) not in (1, len(guide)):
        raise SettingError(
            f"images are {len(images)} and guide has {len(guide)}: connect as many, or a single image."
        )
    height, width = images.shape[1:3]
    done = []
    for start in range(0, len(guide), BLOCK):
        host.check_interrupt()
        seen = (guide[start : start + BLOCK, ..., :3] * 255).round().clamp(0, 255).byte().cpu().numpy()
        seen = np.stack([cv2.resize(picture, (width, height)) for picture in seen])
        part = images[start : start + BLOCK] if len(images) > 1 else images.expand(len(seen), -1, -1, -1)
        done.append(torch.from_numpy(blender.blend(part.cpu().numpy(), seen, share)))
    return torch.cat(done)
