"""RoI pooling. Goals, one thread: forward and backward 5 times torchvision, which keeps the argmax
in every forward; we do where a gradient is asked for."""

from collections.abc import Iterator

import torch

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.ops import roi_pool
from edudet.ops.roi_pool import roi_pool_native

# name: batch, channels, height, width, RoIs, spatial scale
SIZES = {
    "small": (1, 64, 50, 68, 16, 1 / 16),
    "C4": (2, 256, 50, 68, 512, 1 / 16),
    "P2": (2, 256, 200, 272, 1000, 1 / 4),
}


def works(device: str, peer) -> Iterator[Work]:
    for size, (batch, channels, height, width, num_rois, scale) in SIZES.items():
        generator = torch.Generator().manual_seed(0)
        nchw = torch.randn(batch, channels, height, width, generator=generator).to(device)
        boxes, _ = image_like(num_rois, device=device)
        image = torch.randint(0, batch, (num_rois, 1), generator=generator).to(boxes)
        rois = torch.cat([image, boxes], 1)
        for layout in ("NCHW", "channels_last"):
            memory = getattr(torch, "contiguous_format" if layout == "NCHW" else layout)
            feature_map = nchw.contiguous(memory_format=memory)
            contestants = _contestants(feature_map, rois, scale, device, peer)
            goal = None if size == "small" else 5.0
            for part, runs in contestants.items():
                both = (1, 2) if device == "cpu" and size != "small" else (1,)
                for threads in both:
                    wanted = goal if threads == 1 else None
                    yield Work(f"roi_pool {part}", f"{size}, {layout}", dict(runs), wanted, threads)


def _contestants(feature_map, rois, scale, device, peer):
    forms = {"edudet": roi_pool}
    if device == "cuda":
        for kernel in (1, 2):
            forms[f"kernel {kernel}"] = lambda *args, k=kernel: roi_pool_native(*args, kernel=k)
    if peer:
        forms["torchvision"] = peer.roi_pool
    forward, keeping, backward = {}, {}, {}
    for name, form in forms.items():
        forward[name] = lambda form=form: form(feature_map, rois, 7, scale)
        leaf = feature_map.detach().requires_grad_()
        keeping[name] = lambda form=form, leaf=leaf: form(leaf, rois, 7, scale)
        out = form(leaf, rois, 7, scale)
        slope = torch.ones_like(out)
        backward[name] = lambda out=out, leaf=leaf, slope=slope: torch.autograd.grad(
            out, leaf, slope, retain_graph=True
        )
    return {"forward": forward, "forward for a gradient": keeping, "backward": backward}
