"""Small maps with numbers in their cells: what a convolution reads and what a transposed one
writes, cell by cell; and the same as a matrix, row by row or column by column."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn.functional import conv2d, pad

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS
from edudet.ops import conv_transpose2d

RIM = "#bbbbbb"


def write_cells(
    axes: Any, values: Tensor | Sequence[Sequence[Any]], title: str = "",
    shades: Mapping[str, Tensor] | None = None, size: Sequence[int] = (),
    fontsize: float = 10,
) -> None:
    """Write an (H, W) map into cells; pixel (y, x) covers [x, x + 1) × [y, y + 1).

    values: numbers, texts or symbols; NaN leaves a cell empty.
    shades: colour -> (H, W) bool, the cells that have it; the first that fits counts.
    size: (height, width) that the axes show, to draw small and large maps to one scale.
    """
    rows = values.tolist() if isinstance(values, Tensor) else [list(row) for row in values]
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            named = (name for name, mask in (shades or {}).items() if mask[y, x])
            _cell(axes, x, y, _written(value), next(named, ""), fontsize=fontsize)
    height, width = size or (len(rows), len(rows[0]))
    _frame(axes, height, width, title, (width - len(rows[0])) / 2)


def _cell(
    axes: Any, x: float, y: float, text: str, colour: str = "", width: float = 1,
    fontsize: float = 10,
) -> None:
    face = to_rgba(COLOURS[colour], 0.45) if colour else "white"
    axes.add_patch(Rectangle((x, y), width, 1, facecolor=face, edgecolor=RIM, linewidth=0.8))
    ink = COLOURS["faint"] if text == "0" and not colour else "black"
    axes.text(x + width / 2, y + 0.5, text, ha="center", va="center", fontsize=fontsize, color=ink)


def _written(value: Any) -> str:
    if isinstance(value, (int, float)):
        return "" if value != value else f"{value:.4g}"
    return str(value).replace("*", "")


def _frame(axes: Any, height: float, width: float, title: str = "", left: float = 0) -> None:
    """Show so many cells, of them `left` before the first one."""
    axes.set_xlim(-0.1 - left, width - left + 0.1)
    axes.set_ylim(height + 0.1, -0.1)
    axes.set_aspect("equal")
    axes.set_title(title)
    axes.set_axis_off()


def rectangle(shape: Sequence[int], y: int, x: int, height: int = 1, width: int = 1) -> Tensor:
    """True in a rectangle of cells, (H, W)."""
    mask = torch.zeros(*shape, dtype=torch.bool)
    mask[y : y + height, x : x + width] = True
    return mask


def first_cells(values: Tensor, i: int) -> Tensor:
    """The first `i` + 1 cells in reading order; NaN in the others."""
    order = torch.arange(values.numel()).reshape(values.shape)
    return values.double().where(order <= i, torch.nan)


def step_reading(image: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0) -> Steps:
    """A convolution of an (H, W) map, result by result: the window that each one reads."""
    framed = pad(image, (padding,) * 4)
    result = conv2d(framed[None, None], kernel[None, None], stride=stride)[0, 0]
    inside = rectangle(framed.shape, padding, padding, *image.shape)
    captions = [
        f"result ({y}, {x}) reads a window and adds up: {float(result[y, x]):g}"
        for y in range(result.shape[0]) for x in range(result.shape[1])
    ]  # fmt: skip

    def draw(axes: Any, i: int) -> None:
        left, right = axes[0]
        y, x = divmod(i, result.shape[1])
        window = rectangle(framed.shape, y * stride, x * stride, *kernel.shape)
        title = f"input, {padding} of padding" if padding else "input"
        write_cells(left, framed, title, {"marked": window, "faint": ~inside})
        now = {"kept": rectangle(result.shape, y, x)}
        write_cells(right, first_cells(result, i), "output", now, framed.shape)

    return Steps(captions, draw, 6, 3.5, 1, 2)


def step_stamps(
    image: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Steps:
    """A transposed convolution of an (H, W) map: cell by cell, the kernel is stamped.

    A blue frame shows what is left when `padding` is cut off and `output_padding` comes back.
    """
    cells = torch.arange(image.numel()).reshape(image.shape)
    more = max(0, output_padding - padding)  # beyond what the kernels write
    captions = [
        f"{value:g} times the kernel, from row {i // image.shape[1] * stride}, "
        f"column {i % image.shape[1] * stride} on"
        for i, value in enumerate(image.flatten().tolist())
    ]  # fmt: skip

    def written(part: Tensor) -> Tensor:
        out = conv_transpose2d(part[None, None].float(), kernel[None, None].float(), stride=stride)
        return pad(out[0, 0], (0, more, 0, more))

    size = written(image).shape
    kept = [n - more - 2 * padding + output_padding for n in size]

    def draw(axes: Any, i: int) -> None:
        first, second, third = axes.flat
        place = divmod(i, image.shape[1])
        stamp = rectangle(size, place[0] * stride, place[1] * stride, *kernel.shape)
        now = {"marked": stamp}
        write_cells(first, image, "input", {"marked": cells == i}, size)
        copy = written(image * (cells == i)).double().where(stamp, torch.nan)
        write_cells(second, copy, "its copy of the kernel", now)
        write_cells(third, written(image * (cells <= i)), "all copies so far, added", now)
        if padding or output_padding:
            third.add_patch(Rectangle((padding, padding), kept[1], kept[0], fill=False, zorder=3,
                                      edgecolor=COLOURS["kept"], linewidth=2.5))  # fmt: skip

    if image.shape[0] == 1:
        return Steps(captions, draw, 5, 3.8, 3, 1)
    return Steps(captions, draw, 8.5, 3.5, 1, 3)


def step_matrix(matrix: Any, vector: Any, by: str = "rows") -> Steps:
    """A matrix times a vector, both of numbers or of symbols (sympy), step by step.

    by: "rows", a result a step (it gathers); "columns", a factor a step (it is scattered).
    """
    table = matrix.tolist()
    factors = vector.tolist() if isinstance(vector, Tensor) else list(vector)
    products = [[entry * factor for entry, factor in zip(row, factors, strict=True)]
                for row in table]  # fmt: skip
    across = max(len(_written(sum(row))) for row in products) * 0.22 + 0.6

    def state(i: int) -> tuple[list[str], list[bool]]:
        """The right side in step `i`, and which of it changes."""
        if by == "rows":
            sums = [_written(sum(row)) if r <= i else "" for r, row in enumerate(products)]
            return sums, [r == i for r in range(len(table))]
        return [_written(sum(row[: i + 1])) for row in products], [row[i] != 0 for row in table]

    def draw(axes: Any, i: int) -> None:
        sums, changed = state(i)
        for r, row in enumerate(table):
            for c, entry in enumerate(row):
                active = (r if by == "rows" else c) == i and entry != 0
                _cell(axes, c, r, _written(entry), "marked" if active else "")
            _cell(axes, len(row) + 2.6, r, sums[r], "kept" if changed[r] else "", across)
        for c, factor in enumerate(factors):
            active = table[i][c] != 0 if by == "rows" else c == i
            _cell(axes, len(factors) + 0.6, c, _written(factor), "marked" if active else "")
        axes.text(len(factors) + 2.1, len(table) / 2, "=", ha="center", va="center", fontsize=14)
        height = max(len(table), len(factors))
        _frame(axes, height, len(factors) + 2.6 + across)

    if by == "rows":
        captions = [f"row {r} gives {_written(sum(row))}" for r, row in enumerate(products)]
    else:
        captions = [f"{_written(factor)} is written with column {c}"
                    for c, factor in enumerate(factors)]  # fmt: skip
    return Steps(captions, draw, 6, 3, 1, 1)
