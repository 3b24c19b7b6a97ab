"""Template matching beside scikit-image's (float64, a Fourier transform like ours; the last
contestant) and OpenCV's (float32), if they can be imported. Goal: as fast as scikit-image."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.measure import Work
from edudet.proposals import match_template


def works(device: str, peer) -> Iterator[Work]:
    for height, width, side in ((128, 128, 16), (512, 512, 32), (512, 512, 128), (1080, 1920, 64)):
        image = torch.rand(height, width, generator=torch.Generator().manual_seed(0)).to(device)
        template = image[40 : 40 + side, 50 : 50 + side]
        contestants = {"edudet": partial(match_template, image, template)}
        if device == "cpu":
            contestants |= others(image.numpy(), template.numpy())
        goal = 1 if "scikit-image" in contestants else None
        yield Work("match_template", f"{side} x {side} in {height} x {width}", contestants, goal)


def others(image, template) -> dict:
    found = {}
    try:
        import cv2

        found["opencv"] = partial(cv2.matchTemplate, image, template, cv2.TM_CCOEFF_NORMED)
    except ImportError:
        pass
    try:
        from skimage.feature import match_template as of_skimage

        found["scikit-image"] = partial(of_skimage, image.astype(float), template.astype(float))
    except ImportError:
        pass
    return found
