"""Timing side by side: the contestants take turns, so that a noisy machine disturbs all alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch


@dataclass
class Work:
    """One task, and who does it. The first contestant is ours, the last the one to beat."""

    operator: str
    name: str
    contestants: dict[str, Callable[[], object]]
    goal: float | None = None  # how many times faster than the last contestant we mean to be
    threads: int = 1
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        times = list(self.milliseconds.values())
        return times[-1] / times[0]


def measure(work: Work, device: str, budget: float) -> None:
    """Fill in the median milliseconds of every contestant, spending about `budget` seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(work.threads)
    try:
        # Many calls make one sample where a call is short: a clock's tick must not count.
        calls = {}
        for name, run in work.contestants.items():
            _timed(run, 1, device)
            calls[name] = max(1, round(0.002 / max(_timed(run, 1, device), 1e-7)))
        samples: dict[str, list[float]] = {name: [] for name in work.contestants}
        end = time.perf_counter() + budget
        while time.perf_counter() < end or len(next(iter(samples.values()))) < 5:
            for name, run in work.contestants.items():
                samples[name].append(_timed(run, calls[name], device) / calls[name])
        work.milliseconds = {name: 1000 * median(times) for name, times in samples.items()}
    finally:
        torch.set_num_threads(before)


def _timed(run: Callable[[], object], calls: int, device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    for _ in range(calls):
        run()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
