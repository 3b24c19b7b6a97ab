"""Corner pooling beside what memory allows. Goals, one thread: as fast as a copy of the map
(`clone`) and 5 times torch.cummax, of which a corner needs two and a sum."""

from collections.abc import Iterator

import torch

from benchmarks.measure import Work
from edudet.ops import corner_pool
from edudet.ops.corner_pool import corner_pool_native

# name: batch, channels, height, width
SIZES = {"small": (1, 64, 32, 32), "CornerNet": (4, 128, 128, 128)}


def works(device: str, peer) -> Iterator[Work]:
    for size, shape in SIZES.items():
        feature_map = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        for threads in (1, 2) if device == "cpu" and size != "small" else (1,):
            goals = (1.0, 5.0) if threads == 1 and size != "small" else (None, None)
            forward, backward = _contestants(feature_map, device)
            copy = {"edudet": forward["edudet"], "clone": feature_map.clone}
            yield Work("corner_pool, a copy", size, copy, goals[0], threads)
            yield Work("corner_pool forward", size, forward, goals[1], threads)
            yield Work("corner_pool backward", size, backward, goals[1], threads)


def _contestants(feature_map, device):
    forms = {"edudet": corner_pool}
    if device == "cuda":
        for kernel in (1, 2):
            forms[f"kernel {kernel}"] = lambda *args, k=kernel: corner_pool_native(*args, kernel=k)
    forms["torch.cummax"] = _by_cummax
    forward, backward = {}, {}
    for name, form in forms.items():
        forward[name] = lambda form=form: form(feature_map, "top_left")
        leaf = feature_map.clone().requires_grad_()
        out = form(leaf, "top_left")
        backward[name] = lambda out=out, leaf=leaf: torch.autograd.grad(
            out, leaf, feature_map, retain_graph=True
        )
    return forward, backward


def _by_cummax(feature_map: torch.Tensor, corner: str) -> torch.Tensor:
    top = feature_map.flip(2).cummax(2).values.flip(2)
    return top + feature_map.flip(3).cummax(3).values.flip(3)
