"""A sheet of pictures from the lessons: one step of each."""

import io
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from edudet import draw
from edudet.cases.ops.nms import DECK
from edudet.demo.coins import load_coins
from edudet.draw.ops.affine_grid import step_warps
from edudet.ops import conv_matrix
from edudet.proposals import felzenszwalb, generate_anchors, grid_anchors, merge_regions

TILE = (430, 225)  # pixels, width and height
GAP = 14
COLUMNS = 3


def overlap() -> draw.Steps:
    moving = torch.stack([torch.tensor([1.0 + t, 1, 6 + t, 5]) for t in range(6)])
    return draw.step_overlap(moving, torch.tensor([5.0, 2, 10, 7]))


def suppression() -> draw.Steps:
    scores = torch.tensor([0.875, 0.75, 0.625, 0.5, 0.375])
    return draw.step_nms(torch.tensor(DECK).float(), scores, 0.5)


def regions() -> draw.Steps:
    photo, _, _ = load_coins()
    part = (255 * photo[:, 24:78, 20:108]).to(torch.uint8)
    starts = felzenszwalb(part[0], 150.0, 0.8, 60)
    (tree,) = merge_regions(starts, part)
    return draw.step_merges(tree, part, part)


def labels() -> draw.Steps:
    base = generate_anchors((24.0, 40.0), (0.5, 1.0, 2.0))
    anchors = grid_anchors(base, (6, 8), (16, 16), 0.5)
    objects = torch.stack([torch.tensor([[20.0 + 8 * t, 24, 60 + 8 * t, 56]]) for t in range(5)])
    return draw.step_labels(anchors, objects, (0.5, 0.3))


def pooling() -> draw.Steps:
    cells = (torch.arange(48.0) * 7 % 10).reshape(6, 8)
    box = torch.tensor([1.5, 1, 5.5, 5])
    return draw.step_roi_align(cells, box, 2)


def warp() -> draw.Steps:
    turned = torch.tensor([[0.87, -0.5, 0], [0.5, 0.87, 0]])
    return step_warps(torch.arange(16.0).reshape(4, 4), {"a rotation by 30°": turned})


def stamps() -> draw.Steps:
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    return draw.step_stamps(torch.tensor([[1.0, 2], [3, 4]]), kernel, stride=2)


def threshold() -> draw.Steps:
    scores = torch.tensor([0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    return draw.step_threshold(torch.tensor([1, 1, 0, 1, 1, 0, 0, 1]), scores)


def matrix() -> draw.Steps:
    transposed = conv_matrix(torch.tensor([1.0, 2, 3]), 4, 1, 1).T
    return draw.step_matrix(transposed, torch.tensor([1, 0, 2, 0]))


# The step that shows most.
PICTURES: dict[Callable[[], draw.Steps], int] = {
    overlap: 2, suppression: 1, regions: 1, labels: 2, pooling: 9, warp: 0, stamps: 3,
    threshold: 4, matrix: 1,
}  # fmt: skip


def write_gallery(path: Path) -> None:
    """One picture of each, three in a row, on one sheet."""
    tiles = [_tile(make().png(step)) for make, step in PICTURES.items()]
    rows = -(-len(tiles) // COLUMNS)
    width, height = TILE
    sheet = Image.new(
        "RGB", (COLUMNS * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white"
    )
    for i, tile in enumerate(tiles):
        x = GAP + (i % COLUMNS) * (width + GAP) + (width - tile.width) // 2
        y = GAP + (i // COLUMNS) * (height + GAP) + (height - tile.height) // 2
        sheet.paste(tile, (x, y))
    sheet.quantize(128).save(path, optimize=True)


def _tile(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail(TILE, Image.Resampling.LANCZOS)
    return picture
