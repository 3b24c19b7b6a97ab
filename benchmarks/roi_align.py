"""RoIAlign. Goals, one thread each: forward 3 times torchvision from NCHW and 8 times from
channels_last, backward 8 times; on CUDA 2 and 3 times. Two threads: at least 1.6 times one."""

from collections.abc import Iterator

import torch

from benchmarks.inputs import image_like
from benchmarks.measure import Work
from edudet.ops import roi_align
from edudet.ops.roi_align import roi_align_native

# name: batch, channels, height, width, RoIs, spatial scale
SIZES = {
    "tiny": (1, 3, 16, 16, 1, 1 / 16),
    "small": (1, 64, 50, 84, 16, 1 / 16),
    "C4": (2, 256, 50, 84, 512, 1 / 16),
    "P2": (2, 256, 200, 334, 1000, 1 / 4),
}


def works(device: str, peer) -> Iterator[Work]:
    for size, (batch, channels, height, width, num_rois, scale) in SIZES.items():
        generator = torch.Generator().manual_seed(0)
        nchw = torch.randn(batch, channels, height, width, generator=generator).to(device)
        boxes, _ = image_like(num_rois, device=device)
        image = torch.randint(0, batch, (num_rois, 1), generator=generator).to(boxes)
        rois = torch.cat([image, boxes], 1)
        for ratio in (2, 0) if size == "C4" else (2,):
            for layout in ("NCHW", "channels_last"):
                memory = getattr(torch, "contiguous_format" if layout == "NCHW" else layout)
                feature_map = nchw.contiguous(memory_format=memory)
                name = f"{size}, {layout}, {'adaptive' if ratio == 0 else '2 x 2 samples'}"
                contestants = _contestants(feature_map, rois, scale, ratio, device, peer)
                goals = _goals(device, layout) if size in ("C4", "P2") else (None, None)
                for part, goal in zip(("forward", "backward"), goals, strict=True):
                    both = (1, 2) if device == "cpu" and size in ("C4", "P2") else (1,)
                    for threads in both:
                        wanted = goal if threads == 1 else None
                        runs = dict(contestants[part])
                        yield Work(f"roi_align {part}", name, runs, wanted, threads)


def _goals(device: str, layout: str) -> tuple[float, float]:
    if device == "cuda":
        return 2.0, 3.0
    return (8.0 if layout == "channels_last" else 3.0), 8.0


def _contestants(feature_map, rois, scale, ratio, device, peer):
    forms = {"edudet": roi_align}
    if device == "cuda":
        for kernel in (1, 2):
            forms[f"kernel {kernel}"] = lambda *args, k=kernel: roi_align_native(*args, kernel=k)
    if peer:
        forms["torchvision"] = peer.roi_align
    forward, backward = {}, {}
    for name, form in forms.items():
        args = (rois, 7, scale, ratio, True)
        forward[name] = lambda form=form, args=args: form(feature_map, *args)
        leaf = feature_map.detach().requires_grad_()
        out = form(leaf, *args)
        slope = torch.ones_like(out)
        backward[name] = lambda out=out, leaf=leaf, slope=slope: torch.autograd.grad(
            out, leaf, slope, retain_graph=True
        )
    return {"forward": forward, "backward": backward}
