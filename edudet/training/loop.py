"""The one loop that trains every model here.

    for each step:
        take a batch                    a pure function of the seed and the step
        losses = model(images, targets) by name; what is minimised is their sum
        gradients, clipped; one step of the optimizer at the schedule's learning rate
        write the losses down; now and then a checkpoint

Killed at any moment and resumed, a run ends with the same weights, bit for bit: a checkpoint holds
all that changes (state.py), and every step seeds torch's generators from the run's seed and its own
number, so that what was drawn before does not matter. It holds for one machine, one version of
torch and one number of threads; of more than two processes, sums may differ in their last bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from edudet import check
from edudet.data.digests import digests_of
from edudet.training import distributed
from edudet.training.batches import Batch, batches, seed_of
from edudet.training.curves import History
from edudet.training.distributed import Processes
from edudet.training.record import Record
from edudet.training.schedule import SCHEDULES
from edudet.training.state import State, stop_if_broken


def train(
    model: nn.Module, dataset: Dataset, *, out: Path, iterations: int, batch_size: int,
    learning_rate: float, optimizer: str = "sgd", momentum: float = 0.9, weight_decay: float = 1e-4,
    warmup: int = 0, schedule: str = "cosine", drops: Sequence[float] = (0.7, 0.9),
    clip: float | None = None, ema: float | None = None, seed: int = 0, workers: int = 0,
    amp: bool = False, device: str = "cpu", checkpoint_seconds: float = 60.0,
    checkpoint_every: int | None = None, resume: bool = False,
    about: Mapping[str, Any] | None = None, progress: bool = True,
) -> History:
    """Train a model in place; write checkpoint.pt, losses.csv and losses.png into a folder.

    Args:
        model: in training mode, `model(images, targets)` gives a dictionary of losses, means over
            images, always of the same names. What it draws at random for an image comes from a
            generator with that target's "seed", or from torch's global one.
        dataset: `dataset[i]` is an image and its target, always the same for the same i.
        out: the folder, made if need be.
        iterations: steps of the optimizer, each on `batch_size` images of all processes together.
        learning_rate, warmup, schedule, drops: see `schedule.rate_at`.
        optimizer: "sgd", or "adamw" (with `momentum` as its first beta).
        weight_decay: pulls at tensors of two axes or more.
        clip: the largest norm of a gradient; longer ones are shortened to it.
        ema: decay of a moving average of the weights, with which the run then ends; e.g. 0.998.
        seed: of the order of images and of all that is drawn.
        workers: processes that load images.
        amp: mixed precision where that is enough: float16 on CUDA, bfloat16 on the CPU (faster
            where the CPU computes in it; `lscpu` then lists amx_bf16 or avx512_bf16).
        device: "cpu" or "cuda" (of several processes each takes a GPU of its own).
        checkpoint_seconds, checkpoint_every: a checkpoint after so many seconds, or steps.
        resume: go on with the run in `out`, if there is one. A process that torchrun has
            restarted does so anyway.
        about: plain values that a run to be resumed must share, such as the model's name; besides
            the arguments, and the data (`edudet.data.digests`) of the datasets of edudet.
        progress: tell how far it is.

    Returns:
        Columns by name: "step", "seconds", "learning_rate", "loss" (the sum) and the losses, each
        the mean over processes, of all steps. Empty but in the first process. The model is left in
        training mode, on `device`; torch's generators are left as they were.

    Raises:
        TypeError, ValueError: an argument does not fit, or not the run that is to be resumed.
        FloatingPointError: a loss or the gradient is not finite; `out` then holds nan_batch.pt.
    """
    place, out = distributed.own_device("train", device), Path(out)
    arguments = {
        "iterations": iterations, "batch_size": batch_size, "learning_rate": learning_rate,
        "optimizer": optimizer, "momentum": momentum, "weight_decay": weight_decay,
        "warmup": warmup, "schedule": schedule, "drops": tuple(drops), "clip": clip, "ema": ema,
        "seed": seed, "amp": amp, "num_images": len(dataset),  # type: ignore[arg-type]
        **digests_of(dataset), **(about or {}),
    }  # fmt: skip
    check_arguments(arguments, place)
    forked = torch.random.fork_rng([place] if place.type == "cuda" else [])
    with forked, distributed.joined(place) as processes:
        if batch_size % processes.world:
            raise ValueError(f"train: batch_size must be a multiple of the number of processes, "
                             f"{processes.world}, got {batch_size}")  # fmt: skip
        state = State(model, arguments, place, processes)
        state.begin(out, resume or processes.restarts > 0)
        source = batches(
            dataset, state.step, iterations, batch_size, seed, workers, processes, place
        )
        with Record(
            state, out, processes.first, checkpoint_seconds, checkpoint_every, progress
        ) as record:
            _run(state, source, record, processes)
        return record.history


def _run(state: State, source: Iterator[Batch], record: Record, processes: Processes) -> None:
    seed, amp = state.arguments["seed"], state.arguments["amp"]
    model = distributed.shared(state.model.train(), processes, state.device)
    for images, targets in source:
        torch.manual_seed(seed_of(seed, state.step, processes.rank))
        with torch.autocast(state.device.type, state.half, enabled=amp):
            losses = model(images, targets)
        values = torch.stack([loss.detach().float() for loss in losses.values()])  # (L,)
        values = distributed.gathered(values, processes)                           # (processes, L)
        batch = {"images": images, "targets": targets, "losses": losses}
        stop_if_broken(state, values, list(losses), batch, record.out, processes)
        rate = state.rate()
        norm = state.update(sum(losses.values()), rate)
        if not state.scaler.is_enabled():
            norms = norm.expand(processes.world, 1)
            stop_if_broken(state, norms, ["the gradient"], batch, record.out, processes)
        record.step(rate, dict(zip(losses, values.mean(0).tolist(), strict=True)))
    if state.average:
        state.model.load_state_dict(state.average.values)


def check_arguments(arguments: Mapping[str, Any], device: torch.device) -> None:
    counts = {name: arguments[name] for name in ("iterations", "batch_size", "num_images")}
    check.is_int("train", **counts, warmup=arguments["warmup"], seed=arguments["seed"])
    check.positive("train", **counts, learning_rate=arguments["learning_rate"])
    check.not_negative("train", **{
        name: arguments[name] for name in ("warmup", "seed", "weight_decay", "momentum")
    })  # fmt: skip
    check.is_bool("train", amp=arguments["amp"])
    for name, value in arguments.items():
        if type(value) not in (int, float, bool, str, tuple, type(None)):
            got = type(value).__name__
            raise TypeError(f"train: {name} must be a number, a text or a tuple, got {got}")
    if arguments["schedule"] not in SCHEDULES:
        names = ", ".join(SCHEDULES)
        raise ValueError(f"train: schedule must be one of {names}, got {arguments['schedule']!r}")
    if arguments["clip"] is not None:
        check.positive("train", clip=arguments["clip"])
    if arguments["ema"] is not None and not 0 < arguments["ema"] < 1:
        raise ValueError(f"train: ema must lie between 0 and 1, got {arguments['ema']}")
