"""What the tables compare: the network before and after distillation, and without some of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ....engine.families.streamedit_dit.model import StreamEditDiTModel
from ....engine.networks.streamedit_dit.model import ablated
from .study import Variant

NAMES = ("full", "without_ptcm", "without_dsa", "without_scm_asw", "distilled")
"""Rows of Table 2, and the student."""
SPARSE = "DSA by gathered blocks in every evaluation"


def variants(
    student: StreamEditDiTModel,
    teacher: StreamEditDiTModel | None,
    trained: Mapping[str, StreamEditDiTModel],
) -> tuple[list[Variant], dict[str, str]]:
    """The rows that can be measured, and of the others why not.

    Args:
        teacher: the network before distillation; without one the ablations are the student's.
        trained: networks that were trained without a part, by the row's name. Where there is none, PTCM
            and DSA are switched off in the network that has them, which the row's note says.
    """
    whole = teacher or student
    rows, missing = [], {}
    if teacher is None:
        missing["full"] = "not measured: name the network before distillation with --teacher"
    else:
        rows.append(Variant("full", teacher, note=SPARSE))
    off = "switched off, not trained without"
    without_ptcm = trained.get("without_ptcm")
    rows.append(
        Variant("without_ptcm", without_ptcm, note=f"trained without; {SPARSE}")
        if without_ptcm
        else Variant("without_ptcm", _with(whole, ptcm=False), note=f"{off}; {SPARSE}")
    )
    rows.append(Variant("without_dsa", _with(whole, sparse=False), note=f"moved windows; {off}"))
    plain = trained.get("without_scm_asw")
    if plain is None:
        missing["without_scm_asw"] = "not measured: train one with --without streaming and name its folder"
    else:
        shortest = plain.profile.window.buckets[0]
        note = f"trained without, fixed window; {SPARSE}"
        rows.append(Variant("without_scm_asw", plain, window=shortest, note=note))
    rows.append(Variant("distilled", student, note=SPARSE))
    return rows, missing


def _with(model: StreamEditDiTModel, **parts: bool) -> StreamEditDiTModel:
    return replace(model, network=ablated(model.network, **parts))
