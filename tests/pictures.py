"""What is drawn: asked by the tests of several drawings."""

import warnings

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba

from edudet import draw


def numbers(axes):
    """What stands in the cells, row by row; an empty cell is ''."""
    places = {}
    for text in axes.texts:
        x, y = text.get_position()
        places[int(y), int(x)] = text.get_text()
    height, width = (max(place[i] for place in places) + 1 for i in (0, 1))
    return [[places[y, x] for x in range(width)] for y in range(height)]


def shaded(axes, colour):
    """(x, y) of the cells of a colour."""
    wanted = to_rgba(draw.COLOURS[colour], 0.45)
    return [patch.get_xy() for patch in axes.patches if patch.get_facecolor() == wanted]


def drawn(steps, i):
    """The axes of a step that is drawn, down to its pixels, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = steps.figure(i)
        figure.png()
    return figure.axes


def pixels(figure):
    """(H, W, 3) of a figure that is drawn without a warning."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def is_clipped(figure):
    """Whether something is drawn over the upper, lower or right edge."""
    picture = pixels(figure)
    return any((edge != 255).any() for edge in (picture[0], picture[-1], picture[:, -1]))


def outlines(axes):
    """Of all boxes drawn: (x, y, width, height)."""
    return [path.get_extents().bounds for group in axes.collections for path in group.get_paths()]


def outlines_by_colour(axes):
    """Colour -> the boxes drawn in it."""
    found = {}
    for part in axes.collections:
        for path in part.get_paths():
            colour = to_hex(part.get_edgecolor()[0]).upper()
            x1, y1, x2, y2 = path.get_extents().extents.tolist()
            found.setdefault(colour, []).append([x1, y1, x2, y2])
    return found


def texts(axes):
    """What is written, in the order of writing."""
    return [text.get_text() for text in axes.texts]
