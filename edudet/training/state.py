"""What changes while a model is trained: its weights, the optimizer's memory, the step. All of it
lies in a checkpoint."""

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from edudet.training import checkpoint
from edudet.training.distributed import Processes, wait
from edudet.training.schedule import rate_at

OPTIMIZERS = ("sgd", "adamw")


class State:
    """A model with its optimizer, and the number of steps that they have taken."""

    def __init__(self, model: nn.Module, arguments: Mapping[str, Any], device: torch.device,
                 processes: Processes) -> None:  # fmt: skip
        self.model, self.arguments, self.device = model.to(device), dict(arguments), device
        self.optimizer = new_optimizer(
            model, arguments["optimizer"], arguments["momentum"], arguments["weight_decay"]
        )
        # bfloat16 has float32's range: no gradient is lost that scaling would have saved.
        self.half = torch.float16 if device.type == "cuda" else torch.bfloat16
        scaled = arguments["amp"] and self.half == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)
        self.average = Average(model, arguments["ema"]) if arguments["ema"] else None
        self.step, self.seconds, self.since = 0, 0.0, time.monotonic()
        # What may change the last bits, but is no reason to refuse to go on:
        self.machine = {
            "torch": str(torch.__version__), "threads": torch.get_num_threads(),
            "processes": processes.world, "device": device.type,
        }  # fmt: skip

    def begin(self, out: Path, resume: bool) -> None:
        """Take up the run in the folder `out`, if there is one and it is to be resumed."""
        out.mkdir(parents=True, exist_ok=True)
        path = out / "checkpoint.pt"
        if path.exists() and not resume:
            raise ValueError(f"train: out must be a folder without a run, got {out}: resume that "
                             "run, or choose another folder")  # fmt: skip
        if path.exists():
            self.restore(path)
        self.since = time.monotonic()

    def elapsed(self) -> float:
        """Seconds that the run has taken, without those that were lost with a kill."""
        return self.seconds + time.monotonic() - self.since

    def rate(self) -> float:
        """The learning rate of the next step."""
        names = ("iterations", "learning_rate", "warmup", "schedule", "drops")
        return rate_at(self.step, *(self.arguments[name] for name in names))

    def update(self, loss: Tensor, learning_rate: float) -> Tensor:
        """One step against the gradient, unless that is not finite. Returns its norm, (1,)."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.arguments["clip"] or float("inf"))
        if norm.isfinite() or self.scaler.is_enabled():  # a scaler leaves out such a step by itself
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.step += 1
            if self.average:
                self.average.update(self.model, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        return norm.reshape(1)

    def save(self, path: Path) -> None:
        checkpoint.save(path, {
            "step": self.step, "arguments": self.arguments, "machine": self.machine,
            "seconds": self.elapsed(), "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(),
            "average": self.average.values if self.average else None,
        })  # fmt: skip

    def restore(self, path: Path) -> None:
        saved = checkpoint.load(path)
        checkpoint.compare(path, saved["arguments"], self.arguments)
        for name, value in self.machine.items():
            if saved["machine"].get(name) != value:
                warnings.warn(
                    f"the run in {path} began with {name} = {saved['machine'].get(name)}, now it "
                    f"is {value}: the weights may differ in their last bits", stacklevel=2,
                )  # fmt: skip
        checkpoint.fill(path, self.model, saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scaler.load_state_dict(saved["scaler"])
        if self.average:
            for name, value in saved["average"].items():
                self.average.values[name].copy_(value)
        self.step, self.seconds = saved["step"], saved["seconds"]


def new_optimizer(model: nn.Module, name: str, momentum: float, weight_decay: float) -> Optimizer:
    """Decay pulls at matrices and kernels only: a bias or the scale of a norm does not overfit."""
    if name not in OPTIMIZERS:
        names = ", ".join(OPTIMIZERS)
        raise ValueError(f"train: optimizer must be one of {names}, got {name!r}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("train: model must have a parameter that requires grad, got none")
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "sgd":
        return SGD(groups, lr=0.0, momentum=momentum)
    return AdamW(groups, lr=0.0, betas=(momentum, 0.999), fused=True)  # one pass over memory


class Average:
    """The exponential moving average of the weights: less noisy than the last ones (Polyak and
    Juditsky, 1992). `decay` is reached by and by, so that the random first weights are forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: v.detach().clone() for name, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, steps: int) -> None:
        share = 1 - min(self.decay, (1 + steps) / (10 + steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, share)
            else:
                self.values[name].copy_(value)


def stop_if_broken(
    state: State, values: Tensor, names: list[str], batch: Mapping[str, Any], out: Path,
    processes: Processes,
) -> None:
    """Save the batch and raise FloatingPointError if a number is not finite.

    values: (processes, L), the same in all processes, so that they stop together.
    """
    for rank, place in (~values.isfinite()).nonzero().tolist()[:1]:
        files = [out / ("nan_batch.pt" if r == 0 else f"nan_batch_{r}.pt")
                 for r in range(processes.world)]  # fmt: skip
        contents = {**batch, "step": state.step, "arguments": state.arguments}
        contents["losses"] = {name: loss.detach() for name, loss in batch["losses"].items()}
        contents["model"] = state.model.state_dict()
        checkpoint.save(files[processes.rank], contents, checkpoint.BROKEN)
        wait(processes)  # the launcher ends the others when the first has failed
        raise FloatingPointError(
            f"train: {names[place]} must be finite, got {values[rank, place].item():g} at step "
            f"{state.step}; the batch, its losses and the weights are in {files[rank]}"
        )
