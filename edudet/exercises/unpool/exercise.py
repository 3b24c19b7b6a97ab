"""Exercise: three ways to make a map larger without learning anything."""

from edudet import ops
from edudet.cases.case import Case
from edudet.cases.ops.unpool import (
    CASES,
    CASES_OF_MAX_UNPOOLING,
    MISTAKES,
    MISTAKES_OF_MAX_UNPOOLING,
)
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import draw_maps, maps_tensor

KINDS = "nearest", "bed_of_nails"


def unpool_nearest(x, scale):
    """Return `x` with every cell enlarged to a block of its value.

    Args:
        x: (C, H, W) float32.
        scale: (down, right), two integers: rows and columns of a block.

    Returns:
        (C, H * down, W * right) float32.
    """
    return ops.unpool_nearest(x, scale)


def unpool_bed_of_nails(x, scale):
    """Return `x` with every cell at the top left of a block that is zero elsewhere.

    Args:
        x: (C, H, W) float32.
        scale: (down, right), two integers: rows and columns of a block.

    Returns:
        (C, H * down, W * right) float32.
    """
    return ops.unpool_bed_of_nails(x, scale)


def max_unpool2d(values, indices, output_size):
    """Return maps of zeros in which every value stands at its index.

    Args:
        values: (C, H, W) float32.
        indices: (C, H, W) int64; y * width + x, a place in the map that is to be made.
        output_size: (height, width) of that map, two integers.

    Returns:
        (C, height, width) float32. Where several values of a channel have one index, the last one
        in reading order stays.
    """
    sides = zip(output_size, values.shape[1:], strict=True)
    kernel_size = tuple(side - cells + 1 for side, cells in sides)  # in steps of 1: that size
    return ops.max_unpool2d(values, indices, kernel_size, stride=1)


def prepare(rows, *rest):
    """(rows, scale, kind) of the first two functions, (rows, positions, size) of the third."""
    if rest[-1] in KINDS:
        scale = rest[0]
        return maps_tensor(rows), scale if isinstance(scale, tuple) else (scale, scale)
    return maps_tensor(rows), maps_tensor(rest[0]).long(), tuple(rest[1])


def placed(case):
    """The case of max unpooling, with the size of the result in place of the pooling's sizes."""
    size = len(case.expected), len(case.expected[0])
    return Case(case.name, (*case.args[:2], size), case.expected)


def map_of(random, channels, height, width):
    return random.integers(-9, 10, (channels, height, width)).tolist()


def enlarged(random, kind):
    channels, height, width = (int(n) for n in random.integers(1, 4, 3))
    scale = tuple(int(n) for n in random.integers(1, 5, 2))
    return map_of(random, channels, height + 1, width), scale, kind


def nearest(random):
    return enlarged(random, "nearest")


def nails(random):
    return enlarged(random, "bed_of_nails")


def remembered(random):
    """Values at places of their own, in maps of any size; the channels differ."""
    height, width = (int(n) for n in random.integers(3, 7, 2))
    places = [random.permutation(height * width)[:6].reshape(2, 3).tolist() for _ in range(2)]
    return map_of(random, 2, 2, 3), places, (height, width)


def shared(random):
    """As many values as places, so that some have the same one."""
    width = int(random.integers(3, 6))
    places = random.integers(0, 3 * width, (2, 3, 3)).tolist()
    return map_of(random, 2, 3, 3), places, (3, width)


# The nails have no room for these.
OF_WHOLE_BLOCKS = {
    "the map is laid out again and again; each cell becomes a block",
    "values are shared out over the block; each element gets the whole value",
}


def maps_of(rows):
    return rows if isinstance(rows[0][0], list) else [rows]


def of_blocks(wrong):
    """A mistake of one map as one of the exercise: channel by channel."""
    return lambda rows, *rest: [wrong(one, *rest) for one in maps_of(rows)]


def of_places(wrong):
    """The same for max unpooling, whose mistakes also want the sizes of the pooling."""

    def solution(rows, positions, size):
        maps = maps_of(rows)
        cells = len(maps[0]), len(maps[0][0])
        strides = tuple(max(n // m, 1) for n, m in zip(size, cells, strict=True))
        pairs = zip(maps, maps_of(positions), strict=True)
        return [wrong(*pair, strides, strides, 0, size) for pair in pairs]

    return solution


def by_columns(rows, positions, kernel, stride, padding, size):
    """Positions are read as x * height + y."""
    out = [[0] * size[1] for _ in range(size[0])]
    for values, places in zip(rows, positions, strict=True):
        for value, place in zip(values, places, strict=True):
            x, y = divmod(place, size[0])
            out[y][x] = value
    return out


def draw(axes, case, result):
    draw_maps(axes, prepare(*case)[0], result)


EXERCISE = Exercise(
    title="Unpooling",
    functions=[unpool_nearest, unpool_bed_of_nails, max_unpool2d],
    tests=[
        worked("nearest", 1, [case for case in CASES if case.args[2] == "nearest"]),
        worked("bed of nails", 1, [case for case in CASES if case.args[2] == "bed_of_nails"],
               function="unpool_bed_of_nails"),
        worked("max unpooling", 2, map(placed, CASES_OF_MAX_UNPOOLING), "lecture",
               "the width decides", "a rest that pooling had dropped", "one position twice",
               "negative and zero", function="max_unpool2d"),
        hidden("nearest, other sizes", 2, nearest),
        hidden("bed of nails, other sizes", 2, nails, function="unpool_bed_of_nails"),
        hidden("max unpooling, other sizes", 3, remembered, function="max_unpool2d"),
        hidden("shared places", 1, shared, function="max_unpool2d"),
    ],
    mistakes={
        "unpool_nearest": {hint: of_blocks(wrong) for hint, wrong in MISTAKES.items()
                           if "nail" not in hint},
        "unpool_bed_of_nails": {hint: of_blocks(wrong) for hint, wrong in MISTAKES.items()
                                if hint not in OF_WHOLE_BLOCKS},
        "max_unpool2d": {
            **{hint: of_places(wrong) for hint, wrong in MISTAKES_OF_MAX_UNPOOLING.items()
               if "size" not in hint},
            "a position is y * width + x, not x * height + y": of_places(by_columns),
        },
    },
    prepare=prepare,
    line_budget=24,
    example=([[1, 2], [3, 4]], 2, "nearest"),
    draw=draw,
)  # fmt: skip
