"""Exercise: RoI pooling."""

import torch

from edudet.cases.ops.roi_pool import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.ops import roi_pool as library_roi_pool


def roi_pool(feature_map, boxes, output_size, spatial_scale):
    """Return the largest feature in every one of `output_size` bins under each box.

    feature_map     (C, H, W) float32
    boxes           (K, 4) float32: x1, y1, x2, y2 in pixels of the image
    output_size     how many bins there are: (rows, columns)
    spatial_scale   cells of the map per pixel of the image

    Returns (K, C, rows, columns) float32; a bin without a cell of the map is 0.
    """
    rois = torch.cat([torch.zeros(len(boxes), 1), boxes], 1)
    return library_roi_pool(feature_map[None], rois, output_size, spatial_scale)


def pooling(random, corners, spatial_scale=1.0, boxes=3):
    """Three boxes with corners drawn from `corners` on a map that is not square."""
    channels, height, width = random.permutation([2, 5, 7]).tolist()
    feature_map = random.integers(-99, 100, (1, channels, height, width)).tolist()
    pairs = random.choice(corners, (boxes, 2, 2)) / spatial_scale
    ordered = [[0, *low, *high] for low, high in zip(pairs.min(1), pairs.max(1), strict=True)]
    bins = random.permutation([1, 2, 3])[:2].tolist()
    return feature_map, [[float(x) for x in box] for box in ordered], tuple(bins), spatial_scale


def whole_cells(random):
    return pooling(random, range(6))


def halves(random):
    return pooling(random, [n / 4 for n in range(-6, 24)])


def strides(random):
    return pooling(random, [n / 8 for n in range(40)], 1 / int(random.choice([4, 8, 16])))


def outside(random):
    return pooling(random, range(-5, 12))


def draw(axes, case, result):
    """The map, the first box dashed, its snapped bins and what was found in them."""
    from edudet.draw import COLOURS, draw_boxes  # needs matplotlib, which checking does not
    from edudet.ops.roi_pool import roi_pool_bins

    maps, boxes, size, scale = case
    plane, box = torch.tensor(maps[0][0], dtype=torch.float32), boxes_tensor([boxes[0][1:]])
    height, width = plane.shape
    axes.imshow(plane, cmap="cividis", alpha=0.35)
    for y in range(height):
        for x in range(width):
            axes.text(x, y, f"{plane[y, x]:g}", ha="center", va="center", fontsize=8)
    snapped, _ = roi_pool_bins(box[0], size, scale)
    found = torch.as_tensor(result)[0, 0]
    for i in range(size[0]):
        for j in range(size[1]):
            inset = 0.04 + 0.08 * ((i + j) % 2)  # neighbours that share cells stay apart
            bin = snapped[i, j] * scale - 0.5 + torch.tensor([inset, inset, -inset, -inset])
            draw_boxes(axes, bin[None], "kept")
            axes.text(bin[0] + 0.05, bin[1] + 0.05, f"{found[i, j]:g}", fontsize=8, va="top",
                      color="white", bbox={"facecolor": COLOURS["kept"], "edgecolor": "none",
                                           "pad": 1.5})  # fmt: skip
    draw_boxes(axes, box * scale, "dropped", dashed=True)
    axes.set_title("dashed: the box, from cell centre to cell centre; blue: its bins", fontsize=9)


def of_one_image(mistake):
    return lambda *case: mistake(*case)[0]


OF_MORE = [
    "every box is read from the first image", "of equals, the first is meant",
    "argmax counts along rows: y * W + x",
]  # fmt: skip

EXERCISE = Exercise(
    title="RoI pooling",
    functions=[roi_pool],
    tests=[
        worked("bins", 3, CASES, "one bin", "two bins on three cells", "more bins than cells",
               "a point", "two rows of one bin"),
        worked("rounding", 2, CASES, "halves go up", "negative halves go down",
               "57 cells in 7 bins"),
        worked("pixels, not cells", 1, CASES, "boxes in pixels, stride 16", "one bin"),
        worked("what is there to find", 2, CASES, "negative values", "partly outside",
               "wholly outside", "two boxes, two channels"),
        hidden("boxes on whole cells", 2, whole_cells),
        hidden("boxes between cells", 2, halves),
        hidden("strides of 4, 8 and 16", 1, strides),
        hidden("boxes that reach outside", 2, outside),
    ],
    mistakes={hint: of_one_image(mistake) for hint, mistake in MISTAKES.items()
              if hint not in OF_MORE},
    prepare=lambda maps, boxes, output_size, spatial_scale: (
        torch.tensor(maps[0], dtype=torch.float32), boxes_tensor([box[1:] for box in boxes]),
        output_size, spatial_scale,
    ),
    line_budget=24,
    example=([[[[1, 0, 2, 1, 0, 3], [0, 5, 1, 4, 2, 0], [2, 1, 0, 2, 6, 1], [0, 3, 2, 1, 0, 7],
                [4, 0, 1, 2, 3, 0]]]], [[0, 0.75, 0.75, 4.25, 2.75]], (2, 2), 1.0),
    draw=draw,
)  # fmt: skip
