"""Every operator in every form on the demo's data: do they agree, and how fast are they?

Timed with one thread: calls this short would measure how soon a second one wakes up on a busy
machine (seen: 13 ms in place of 0.05).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from edudet import info, native
from edudet.demo.task import IOU_THRESHOLD, Found, Task

MOST_BOXES = 48  # the loop form looks at every pair, and a student waits


@dataclass
class Row:
    operator: str
    form: str
    difference: float = 0.0  # the largest, from the loop form
    milliseconds: float = 0.0
    ratio: float = 0.0  # how many times faster than the loop form
    reason: str = ""  # why it cannot run here

    def numbers(self) -> tuple[str, str, str]:
        times = f"{self.ratio:,.0f}" if self.ratio >= 10 else f"{self.ratio:.2g}"
        return f"{self.difference:.1g}", f"{self.milliseconds:.3g}", times


def inputs(task: Task, found: Found) -> dict[str, tuple]:
    some = found.scores.argsort(descending=True)[:MOST_BOXES]
    boxes, scores = found.boxes[some].contiguous(), found.scores[some].contiguous()
    image = task.image.mean(0)[None, None].contiguous()
    return {
        "box_iou": (boxes, boxes),
        "nms": (boxes, scores, IOU_THRESHOLD),
        "roi_align": (image, [boxes[:12]], 7, 1.0, 2, True),
        "sliding_window": (tuple(task.image.shape[1:]), 60, 6),
    }


def compare(task: Task, found: Found) -> Iterator[Row]:
    data = inputs(task, found)
    for operator in info.operators():
        if operator.function or operator.stem not in data:
            continue
        reference, slowest = None, 0.0
        for form in info.FORMS:
            reason = info.obstacle(operator, form)
            if reason == "-":
                continue
            title = info.TITLES[info.FORMS.index(form)]
            if reason:
                yield Row(operator.stem, title, reason=reason)
                continue
            run, args = _form(operator.forms, form), _on_device(data[operator.stem], form)
            with _one_thread():
                result, milliseconds = _measure(run, args)
            if reference is None:
                reference, slowest = result, milliseconds
            difference = _difference(result, reference)
            yield Row(operator.stem, title, difference, milliseconds, slowest / milliseconds)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _form(forms: Mapping[str, Callable], form: str) -> Callable:
    if form not in ("cuda", "emulated"):
        return forms[form]
    kernel = forms["native"]
    if form == "cuda":
        return kernel

    def emulated(*args: Any) -> torch.Tensor:
        with native.namespace(native.NAMESPACES["emulated"]):
            return kernel(*args)

    return emulated


def _on_device(args: Any, form: str) -> Any:
    if isinstance(args, (list, tuple)):
        return type(args)(_on_device(arg, form) for arg in args)
    return args.cuda() if form == "cuda" and isinstance(args, torch.Tensor) else args


def _measure(run: Callable, args: tuple) -> tuple[torch.Tensor, float]:
    """The result, and the median time of calls for about 0.3 s, at most 50 of them."""
    times: list[float] = []
    while not times or (sum(times) < 0.3 and len(times) < 50):
        start = time.perf_counter()
        result = run(*args)
        if result.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return result.cpu(), 1000 * median(times)


def _difference(result: torch.Tensor, reference: torch.Tensor) -> float:
    if result.shape != reference.shape:
        return float("inf")
    return float((result.double() - reference.double()).abs().max()) if result.numel() else 0.0
