"""The training loop that every recipe shares: resumable, seeded, with progress and previews."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from tqdm import tqdm

from .muon import KernelMuon, slots
from .profile import StepProfile, part

Loss = Callable[[int, torch.Generator], dict[str, torch.Tensor]]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to train.

    The learning rate warms up linearly, stays, and falls linearly to 5 % over the last
    ``cooldown`` share of ``steps``: a run can be resumed with more steps before it cools down.

    Attributes:
        steps: optimiser steps.
        learning_rate: peak rate.
        warmup: steps of linear warm-up.
        cooldown: share of the steps, 0..1.
        weight_decay: on matrices only.
        ema: decay of the averaged weights that are saved as the result.
        seed: step k depends on (seed, k) only.
        muon: orthogonalised momentum for the matrices (torch.optim.Muon).
        kernels: and for convolution kernels, each flattened to a matrix.
        save_every, preview_every: seconds.
        profile: measure a few steps and print where their time goes instead of training; nothing is kept.
    """

    steps: int
    learning_rate: float = 2e-3
    warmup: int = 100
    cooldown: float = 0.3
    weight_decay: float = 0.01
    ema: float = 0.998
    seed: int = 0
    muon: bool = False
    kernels: bool = False
    save_every: float = 120.0
    preview_every: float = 240.0
    profile: bool = False

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        cooling = self.steps * (1.0 - self.cooldown)
        factor = min(1.0, (step + 1) / max(1, self.warmup))
        if step > cooling:
            factor *= 1.0 - 0.95 * (step - cooling) / max(1.0, self.steps - cooling)
        return self.learning_rate * factor


def train(
    model: nn.Module,
    loss: Loss,
    folder: Path,
    config: LoopConfig,
    preview: Callable[[nn.Module, Path], None] | None = None,
    optimisers: list[torch.optim.Optimizer] | None = None,
) -> nn.Module:
    """Minimise ``loss(step, generator)["loss"]`` over the model's trainable parameters.

    Resumes from ``folder`` when it holds a state. Writes ``state.safetensors`` (weights,
    averaged weights, optimiser), ``log.jsonl`` and previews there.

    Args:
        optimisers: instead of ``build_optimisers``; a parameter group may have a ``factor`` by which the
            learning rate is multiplied.

    Returns:
        The model with the averaged weights.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    optimisers = optimisers or build_optimisers([p for _, p in named], config)
    if config.profile:
        return _profile(model, loss, folder.name, config, named, optimisers)
    folder.mkdir(parents=True, exist_ok=True)
    average = {name: p.detach().clone() for name, p in named}
    start = _resume(folder, named, average, optimisers)
    generator = torch.Generator()
    saved = shown = time.monotonic()
    running: dict[str, float] = {}
    with open(folder / "log.jsonl", "a") as log, tqdm(total=config.steps, initial=start) as bar:
        for step in range(start, config.steps):
            terms = _step(step, loss, config, generator, named, optimisers)
            decay = min(config.ema, (step + 1) / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.values()), [p.detach() for _, p in named], 1.0 - decay)
            for key, value in terms.items():
                now_is = float(value.detach())
                running[key] = now_is + 0.98 * (running.get(key, now_is) - now_is)
            bar.set_postfix({key: f"{value:.4f}" for key, value in running.items()}, refresh=False)
            bar.update()
            now = time.monotonic()
            if step % 50 == 49:
                log.write(
                    json.dumps({"step": step + 1, **{k: round(v, 6) for k, v in running.items()}}) + "\n"
                )
                log.flush()
            if now - saved > config.save_every:
                _save(folder, step + 1, named, average, optimisers)
                saved = now
            if preview and now - shown > config.preview_every:
                with _Swapped(named, average):
                    preview(model, folder / "preview.png")
                shown = now
    _save(folder, config.steps, named, average, optimisers)
    with torch.no_grad():
        for name, parameter in named:
            parameter.copy_(average[name])
    if preview:
        preview(model, folder / "preview.png")
    return model


def _step(step: int, loss: Loss, config: LoopConfig, generator: torch.Generator, named, optimisers) -> dict:
    """One optimiser step; the loss's terms."""
    generator.manual_seed(config.seed * 1_000_003 + step)
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
        for group in optimiser.param_groups:
            group["lr"] = config.rate(step) * group.get("factor", 1.0)
    with part("forward"):
        terms = loss(step, generator)
    with part("backward"):
        terms["loss"].backward()
    with part("optimiser"):
        nn.utils.clip_grad_norm_([p for _, p in named], 1.0)
        for optimiser in optimisers:
            optimiser.step()
    return terms


def _profile(model: nn.Module, loss: Loss, name: str, config: LoopConfig, named, optimisers) -> nn.Module:
    """Print a ``StepProfile`` of the first steps of a recipe; the model has taken those steps."""
    profile, step, generator = StepProfile(), 0, torch.Generator()
    done = False
    while not done:
        with profile.begin(step):
            _step(step, loss, config, generator, named, optimisers)
        done = profile.end(step)
        step += 1
    print(json.dumps({"stage": name, **{key: round(value, 4) for key, value in profile.report().items()}}))
    return model


def build_optimisers(parameters: list[nn.Parameter], config: LoopConfig) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the matrices and AdamW for the rest."""
    dimensions = ((2, 4) if config.kernels else (2,)) if config.muon else ()
    matrices = [p for p in parameters if p.ndim in dimensions]
    others = [p for p in parameters if p.ndim not in dimensions]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
    ]
    if matrices:
        muon = KernelMuon(
            matrices,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        optimisers.append(muon)
    return optimisers


class _Swapped:
    """The averaged weights inside, the trained ones again outside."""

    def __init__(self, named: list[tuple[str, nn.Parameter]], average: dict[str, torch.Tensor]) -> None:
        self.named, self.average = named, average

    def __enter__(self) -> None:
        self._exchange()

    def __exit__(self, *_: object) -> None:
        self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, parameter in self.named:
            kept = parameter.detach().clone()
            parameter.copy_(self.average[name])
            self.average[name].copy_(kept)


def _save(folder: Path, step: int, named, average, optimisers) -> None:
    tensors = {"step": torch.tensor(step)}
    states = {id(parameter): state for parameter, state in slots(optimisers)}
    for name, parameter in named:
        tensors[f"weight/{name}"] = parameter.detach().contiguous()
        tensors[f"average/{name}"] = average[name].contiguous()
        for key, value in states[id(parameter)].items():
            tensors[f"{key}/{name}"] = value.contiguous()
    part = folder / "state.part"
    save_file(tensors, part)
    part.replace(folder / "state.safetensors")


def _resume(folder: Path, named, average, optimisers) -> int:
    path = folder / "state.safetensors"
    if not path.exists():
        return 0
    tensors = load_file(path)
    states = {id(parameter): state for parameter, state in slots(optimisers)}
    with torch.no_grad():
        for name, parameter in named:
            parameter.copy_(tensors[f"weight/{name}"])
            average[name].copy_(tensors[f"average/{name}"])
            for key in ("step", "exp_avg", "exp_avg_sq", "momentum_buffer"):
                if f"{key}/{name}" in tensors:
                    kept = tensors[f"{key}/{name}"].clone()  # AdamW counts its steps on the CPU
                    states[id(parameter)][key] = kept if key == "step" else kept.to(parameter)
    return int(tensors["step"])
