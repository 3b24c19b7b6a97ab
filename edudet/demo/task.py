"""What the demo works on: where to learn and where to search; and what it finds."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edudet.demo.coins import CUT, load_coins
from edudet.demo.detector import Detector, UserError
from edudet.metrics import match_detections
from edudet.ops import nms

SCORE_THRESHOLD = 0.0
IOU_THRESHOLD = 0.3
SMALLEST_IMAGE, LARGEST_SIDE, SMALLEST_BOX = 96, 640, 12


@dataclass
class Task:
    name: str
    learn: Tensor  # (1, H, W): the image to learn from
    examples: Tensor  # (K, 4) on it
    image: Tensor  # (C, H, W): the image to show
    search: Tensor  # (1, H, W): the part of it to search
    offset: int  # its first column
    truth: Tensor | None  # (M, 4) on the image, if known
    unknown: float = 0.0  # share of the windows that may show an object without being an example


@dataclass
class Found:
    windows: Tensor  # (N, 4) all windows that were classified
    boxes: Tensor  # (n, 4) those above the score threshold
    scores: Tensor  # (n,)
    keep: Tensor  # indices into boxes: what NMS leaves
    maps: list[Tensor]  # the scores of each level, (rows, columns)


def coins_task() -> Task:
    image, left, right = load_coins()
    return Task("coins", image[:, :, :CUT], left, image, image[:, :, CUT:], CUT, right)


def own_task(path: Path, like: tuple[float, float, float, float]) -> Task:
    """The user's photo: one box to learn from, the rest of the same image is background."""
    image, box = read_image(path), torch.tensor([like])
    height, width = image.shape[1:]
    x1, y1, x2, y2 = like
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        raise UserError(f"--like must lie inside the image, {width} x {height}, got {_text(like)}")
    shrink = min(1.0, LARGEST_SIDE / max(height, width))
    if shrink < 1:
        size = round(height * shrink), round(width * shrink)
        image = torch.nn.functional.interpolate(
            image[None], size, mode="bilinear", antialias=True
        )[0]
        box = box * torch.tensor([size[1] / width, size[0] / height] * 2)
    if float((box[:, 2:] - box[:, :2]).min()) < SMALLEST_BOX:
        raise UserError(
            f"--like must be at least {SMALLEST_BOX} pixels wide and high, in an image of at most "
            f"{LARGEST_SIDE}, got {_text(like)}"
        )
    gray = image.mean(0, keepdim=True)
    return Task(path.name, gray, box, image, gray, 0, None, unknown=0.2)


def read_image(path: Path) -> Tensor:
    from skimage.io import imread
    from skimage.util import img_as_float32

    if not path.exists():
        raise UserError(f"--image: there is no file {path}")
    try:
        pixels = img_as_float32(imread(path))
    except Exception as error:  # every image plugin has errors of its own
        raise UserError(f"--image: {path} cannot be read as an image: {error}") from None
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3:
        raise UserError(f"--image: {path} must hold one image, got an array {pixels.shape}")
    image = torch.from_numpy(pixels[..., :3 if pixels.shape[2] >= 3 else 1].copy()).movedim(-1, 0)
    if min(image.shape[1:]) < SMALLEST_IMAGE:
        raise UserError(
            f"--image: {path} must be at least {SMALLEST_IMAGE} pixels wide and high, "
            f"got {image.shape[2]} x {image.shape[1]}"
        )
    return image


def parse_box(text: str) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(number) for number in text.split(","))
    except ValueError:
        raise UserError(f"--like must be x1,y1,x2,y2, got {text!r}") from None
    if not (x1 < x2 and y1 < y2):  # also NaN
        raise UserError(f"--like must have x1 < x2 and y1 < y2, got {text!r}")
    return x1, y1, x2, y2


def _text(box: tuple[float, ...]) -> str:
    return ",".join(f"{number:g}" for number in box)


def search(detector: Detector, task: Task) -> Found:
    windows, scores, maps = [], [], []
    for level in detector.levels(task.search):
        maps.append(detector.scores(level))
        windows.append(level.boxes)
        scores.append(maps[-1].flatten())
    if not maps:
        raise UserError("--like must be smaller: its window does not fit into the image")
    every = torch.cat(windows) + torch.tensor([task.offset, 0, task.offset, 0])
    score = torch.cat(scores)
    chosen = score > SCORE_THRESHOLD
    boxes, score = every[chosen], score[chosen]
    return Found(every, boxes, score, nms(boxes, score, IOU_THRESHOLD), maps)


def is_right(truth: Tensor, boxes: Tensor, scores: Tensor) -> Tensor:
    """(N,) bool: which boxes find an object (IoU >= .5) that no better one has found."""
    return match_detections(truth, boxes, scores).detections >= 0
