"""What a drawn step-through shows: asked by the tests of several drawings."""

import warnings

from matplotlib.colors import to_rgba

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
