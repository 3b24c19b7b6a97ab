"""Exercise: position-sensitive RoI pooling, of one image. Every cell of the maps may be read: a row
and a column more are put behind them, which the library does not read."""

import torch

from edudet.cases.ops.ps_roi_pool import CASES, MISTAKES, _with
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.ops import ps_roi_pool as library_ps_roi_pool


def ps_roi_pool(feature_maps, boxes, output_size, spatial_scale):
    """Return the mean, in every one of `output_size` bins under each box, of the bin's own map.

    feature_maps    (C * rows * columns, H, W) float32; the map of class c and bin (i, j) is the one
                    with the number (c * rows + i) * columns + j
    boxes           (K, 4) float32: x1, y1, x2, y2 in pixels of the image; K may be 0
    output_size     how many bins there are: (rows, columns)
    spatial_scale   cells of the map per pixel of the image

    Returns (K, C, rows, columns) float32; a bin without a cell of the map is 0.
    """
    maps = torch.nn.functional.pad(feature_maps, (0, 1, 0, 1))
    return library_ps_roi_pool(maps[None], [boxes], output_size, spatial_scale)


def pooling(random, corners, spatial_scale=1.0, classes=2):
    """Three boxes with corners drawn from `corners` on maps that are not square."""
    rows, columns = random.permutation([1, 2, 3])[:2].tolist()
    height, width = random.permutation([5, 7]).tolist()
    channels = classes * rows * columns
    maps = random.integers(-99, 100, (1, channels, height, width)).tolist()
    pairs = random.choice(corners, (3, 2, 2)) / spatial_scale
    boxes = [[0, *low, *high] for low, high in zip(pairs.min(1), pairs.max(1), strict=True)]
    return maps, [[float(x) for x in box] for box in boxes], (rows, columns), spatial_scale


def whole_cells(random):
    return pooling(random, range(6), classes=1)


def several_classes(random):
    return pooling(random, range(6), classes=int(random.integers(2, 4)))


def halves(random):
    return pooling(random, [n / 4 for n in range(-6, 24)])


def strides(random):
    return pooling(random, [n / 8 for n in range(40)], 1 / int(random.choice([4, 8, 16])))


def outside(random):
    return pooling(random, range(-5, 12))


def with_every_cell(mistake):
    """A mistake of the cases, on maps with a row and a column more."""
    def pool(maps, boxes, output_size, spatial_scale):
        larger = [
            [[*([*row, 0] for row in plane), [0] * (len(plane[0]) + 1)] for plane in image]
            for image in maps
        ]
        return mistake(larger, boxes, output_size, spatial_scale)

    return pool


def draw(axes, case, result):
    """The map of each bin with the bin on it and what was found; maps in the places of the bins."""
    from edudet.draw import COLOURS, draw_boxes

    maps, boxes, (rows, columns), scale = case
    planes = torch.tensor(maps[0], dtype=torch.float32)[: rows * columns]
    found = torch.as_tensor(result)[0, 0]
    height, width = planes.shape[1:]
    x1, y1, x2, y2 = (side * scale for side in boxes[0][1:])
    for i in range(rows):
        for j in range(columns):
            left, top = j * (width + 1), i * (height + 1)
            plane = planes[i * columns + j]
            axes.imshow(plane, cmap="cividis", alpha=0.35, vmin=planes.min(), vmax=planes.max(),
                        extent=(left, left + width, top + height, top))  # fmt: skip
            for y in range(height):
                for x in range(width):
                    axes.text(left + x + 0.5, top + y + 0.5, f"{plane[y, x]:g}", ha="center",
                              va="center", fontsize=8)  # fmt: skip
            box = boxes_tensor([[left + x1, top + y1, left + x2, top + y2]])
            draw_boxes(axes, box, "dropped", dashed=True)
            w, h = (x2 - x1) / columns, (y2 - y1) / rows
            bin = [left + x1 + j * w, top + y1 + i * h]
            draw_boxes(axes, boxes_tensor([[*bin, bin[0] + w, bin[1] + h]]), "kept")
            axes.text(bin[0] + w, bin[1] + h, f"{found[i, j]:.4g}", ha="right", va="bottom",
                      fontsize=9, color="white",
                      bbox={"facecolor": COLOURS["kept"], "edgecolor": "none", "pad": 2},
                      )  # fmt: skip
    axes.set_xlim(-0.2, columns * (width + 1) - 0.8)
    axes.set_ylim(rows * (height + 1) - 0.8, -0.2)
    axes.set_aspect("equal")
    axes.set_axis_off()


NOT_ASKED = ["every box is read from the first image",
             "the last row and column of the map are not read"]  # fmt: skip

EXERCISE = Exercise(
    title="Position-sensitive RoI pooling",
    functions=[ps_roi_pool],
    tests=[
        worked("bins and their maps", 3, CASES, "one bin", "each bin its own map",
               "classes of four maps", "two rows of one bin", "no boxes"),
        worked("cells of a bin", 2, CASES, "two columns", "a cell in two bins", "a point",
               "boxes in pixels, stride 16"),
        worked("rounding and borders", 2, CASES, "halves go up", "negative halves go down",
               "partly outside", "wholly outside", "the last row and column"),
        hidden("boxes on whole cells", 2, whole_cells),
        hidden("several classes", 2, several_classes),
        hidden("boxes between cells", 2, halves),
        hidden("strides of 4, 8 and 16", 1, strides),
        hidden("boxes that reach outside", 1, outside),
    ],
    mistakes={
        **{hint: with_every_cell(wrong) for hint, wrong in MISTAKES.items()
           if hint not in NOT_ASKED},
        "the last row and column of the map are cells too": _with(),
    },
    prepare=lambda maps, boxes, output_size, spatial_scale: (
        torch.tensor(maps[0], dtype=torch.float32), boxes_tensor([box[1:] for box in boxes]),
        output_size, spatial_scale,
    ),
    tolerance=(1e-5, 1e-5),
    line_budget=24,
    example=([[[[0, 0, 0, 0, 0], [0, 8, 6, 0, 0], [0, 6, 4, 0, 0], [0, 0, 0, 0, 0]],
               [[0, 0, 0, 0, 0], [0, 0, 0, 9, 3], [0, 0, 0, 5, 7], [0, 0, 0, 0, 0]],
               [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 8, 8, 0, 0]],
               [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 6, 0], [0, 0, 0, 6, 4]]]],
             [[0, 1, 0, 5, 4]], (2, 2), 1.0),
    draw=draw,
)  # fmt: skip
