"""One run on several processes, on one machine or many: torch's launcher starts them.

    torchrun --nproc-per-node 2 -m edudet train faster_rcnn --out runs/two

Each process has a copy of the model and sees its part of every batch; torch's
DistributedDataParallel averages their gradients, so all copies take the same step. If a model's
losses are means over images, that is the step of one process with the whole batch, up to rounding.
The process of rank 0 writes the files; on several machines they lie in a folder that all can read.

torchrun's `--max-restarts N` starts all processes again when one of them dies; they resume from
the last checkpoint.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


class Processes(NamedTuple):
    """Who takes part, and who this process is. By default: one alone."""

    rank: int = 0
    world: int = 1
    restarts: int = 0

    @property
    def first(self) -> bool:
        return self.rank == 0


ALONE = Processes()


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Meet the other processes that torchrun started with this one; alone, if it did not."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if world == 1:
        yield Processes(restarts=restarts)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield Processes(dist.get_rank(), world, restarts)
    dist.barrier()
    dist.destroy_process_group()  # not after an error: the others may never come to their barrier


def own_device(function: str, name: str | torch.device) -> torch.device:
    """The device of this process: "cuda" is the GPU of its number on this machine.

    function: who asks, for the message.
    """
    try:
        device = torch.device(name)
    except RuntimeError:  # torch's message lists two dozen kinds
        raise ValueError(f"{function}: device must be cpu or cuda, got {name!r}") from None
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= found:
        raise ValueError(
            f"{function}: device must be one that torch finds on this machine, got {name}"
        )
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    return device


def shared(model: nn.Module, processes: Processes, device: torch.device) -> nn.Module:
    """The model, its gradients averaged over all processes."""
    if processes.world == 1:
        return model
    return DistributedDataParallel(model, [device] if device.type == "cuda" else None)


def gathered(values: Tensor, processes: Processes) -> Tensor:
    """(L,) of each process -> (processes, L), the same everywhere."""
    if processes.world == 1:
        return values[None]
    rows = [torch.empty_like(values) for _ in range(processes.world)]
    dist.all_gather(rows, values)
    return torch.stack(rows)


def wait(processes: Processes) -> None:
    """Until all processes are here."""
    if processes.world > 1:
        dist.barrier()
