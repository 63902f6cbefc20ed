"""The pack's own socket types."""

from __future__ import annotations

from .host import io

FrameStream = io.Custom("FRAME_STREAM")
"""A plan: ``engine.runtime.plan.PlanNode``."""

StreamModelSocket = io.Custom("STREAM_MODEL")
"""``engine.families.base.ModelHandle``."""

StreamConditioning = io.Custom("STREAM_CONDITIONING")
"""``engine.conditioning.recipe.ConditioningRecipe``."""

Flow = io.Custom("FLOW")
"""How motion is found: ``engine.motion.flow.FlowSettings``."""
