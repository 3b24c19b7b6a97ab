"""Two lists of places to look at: every window of the sliding window, and selective search's."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from edudet.demo.detector import Detector
from edudet.demo.task import Task
from edudet.metrics import proposal_recall
from edudet.proposals import selective_search


@dataclass
class Places:
    """Boxes of one method, in the order in which they would be looked at."""

    name: str
    boxes: Tensor  # (N, 4) on the image
    seconds: float  # to list them

    def recall(self, truth: Tensor, counts: list[int]) -> Tensor:
        """Share of the objects that the first n boxes cover with an IoU of at least .5."""
        return proposal_recall([truth], [self.boxes], counts)


def propose(detector: Detector, task: Task) -> list[Places]:
    """The boxes of both methods on the part of the photo that is searched."""
    shift = torch.tensor([task.offset, 0, task.offset, 0])
    begin = time.perf_counter()
    windows = torch.cat(list(detector.windows(task.search)))
    between = time.perf_counter()
    regions = selective_search(_as_photo(task.image[:, :, task.offset :])).boxes
    end = time.perf_counter()
    # Windows have no order of their own: any is as good as another.
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
    return [
        Places("sliding window", windows[order] + shift, between - begin),
        Places("selective search", regions + shift, end - between),
    ]


def _as_photo(image: Tensor) -> Tensor:
    """(C, H, W) in [0, 1] -> (H, W, 3) uint8."""
    pixels = (255 * image).round().to(torch.uint8)
    return pixels.expand(3, -1, -1).movedim(0, -1).contiguous()
