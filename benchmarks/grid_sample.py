"""Grid sampling beside torch's own, which is vectorised by hand. Goal for bilinear: at most 1.3
times torch's time, forward and backward, with one thread and with two."""

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

from benchmarks.measure import Work
from edudet.ops import affine_grid, grid_sample
from edudet.ops.grid_sample import grid_sample_native

GOAL = 0.77  # 1 / 1.3
SIZES = {"3 channels": (16, 3, 224, 224), "64 channels": (2, 64, 56, 56)}


def works(device: str, peer) -> Iterator[Work]:
    for mode in ("bilinear", "nearest", "bicubic"):
        for size, shape in SIZES.items():
            for kind in ("smooth", "random"):
                for part, contestants in _parts(shape, kind, mode, device).items():
                    for threads in (1, 2) if device == "cpu" and mode == "bilinear" else (1,):
                        goal = GOAL if mode == "bilinear" else None
                        name = f"{size}, {kind} grid"
                        yield Work(f"grid_sample {mode} {part}", name, contestants, goal, threads)


def _points(shape: tuple[int, ...], kind: str, generator: torch.Generator):
    if kind == "random":
        return torch.rand(shape[0], *shape[2:], 2, generator=generator) * 2 - 1
    theta = torch.tensor([[0.9, 0.2, 0.05], [-0.2, 0.9, -0.05]])
    return affine_grid(theta.expand(shape[0], 2, 3), shape, False)


def _parts(shape, kind, mode, device) -> dict[str, dict[str, Callable[[], object]]]:
    generator = torch.Generator().manual_seed(0)
    input, slope = (torch.randn(shape, generator=generator).to(device) for _ in range(2))
    grid = _points(shape, kind, generator).to(device)
    forms = {"edudet": grid_sample}
    if device == "cuda":
        for kernel in (1, 2):
            forms[f"kernel {kernel}"] = lambda *args, k=kernel: grid_sample_native(*args, kernel=k)
    forms["torch"] = functional.grid_sample
    parts: dict[str, dict[str, Callable[[], object]]] = {
        "forward": {}, "backward": {}, "backward to input": {}, "backward to grid": {},
    }
    for name, form in forms.items():
        parts["forward"][name] = lambda form=form: form(input, grid, mode, "zeros", False)
        for part, wants in (("", (True, True)), (" to input", (True, False)),
                            (" to grid", (False, True))):  # fmt: skip
            pairs = zip((input, grid), wants, strict=True)
            leaves = [tensor.detach().requires_grad_(wanted) for tensor, wanted in pairs]
            out = form(*leaves, mode, "zeros", False)
            wanted = [leaf for leaf in leaves if leaf.requires_grad]
            parts["backward" + part][name] = lambda out=out, wanted=wanted: torch.autograd.grad(
                out, wanted, slope, retain_graph=True
            )
    return parts
