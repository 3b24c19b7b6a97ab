"""Worked examples of template matching: (image, template, pad_input) -> map of scores. Those that
are no whole numbers are rounded to 7 digits."""

from math import sqrt

from edudet.cases.case import Case

L = [[1, 0], [1, 1]]

CASES = [
    Case(
        "falling edge", ([[0, 1, 0, 0]], [[1, 0]], False), [[-1, 1, 0]],
        "the opposite scores -1, a flat window 0",
    ),
    Case(
        "brightness and contrast do not matter", ([[5, 3, 3, 7, -8]], [[1, 0]], False),
        [[1, 0, -1, 1]],
    ),
    Case("the template itself", ([[1, 2, 4]], [[1, 2, 4]], False), [[1]]),
    Case(
        "mirrored", ([[4, 2, 1]], [[1, 2, 4]], False), [[-0.9285714]],
        "deviations (5, -1, -4) / 3 and (-4, -1, 5) / 3: -39 / 42",
    ),
    Case("flat template", ([[1, 2, 4]], [[3, 3]], False), [[0, 0]], "0 / 0 is 0"),
    Case("flat image", ([[7, 7, 7]], [[1, 2]], False), [[0, 0]]),
    Case(
        "bright", ([[100, 101, 100]], [[0, 1]], False), [[1, -1]],
        "without subtracting the means nearly everything would fit",
    ),
    Case(
        "in between", ([[0, 0, 1]], [[0, 1, 0]], False), [[-0.5]],
        "deviations (-1, -1, 2) / 3 and (-1, 2, -1) / 3: -3 / 6",
    ),
    Case(
        "the same L, turned", ([[1, 0, 1, 1], [1, 1, 0, 1]], L, False),
        [[1, -0.5773503, -0.3333333]], "the second instance scores less than an empty wall, 0",
    ),
    Case(
        "rows and columns", ([[0, 0], [1, 0], [0, 0]], [[1, 0]], False), [[0], [1], [0]],
        "H - h + 1 rows, W - w + 1 columns",
    ),
    Case(
        "padded", ([[1, 0, 0, 1]], [[0, 1, 0]], True), [[1, -0.5, -0.5, 1]],
        "the score stands at the centre of the window; zeros surround the image",
    ),
    Case(
        "padded, even", ([[0, 0, 1, 0]], [[1, 0]], True), [[0, 0, -1, 1]],
        "of two pixels the second is the centre",
    ),
    Case(
        "colours", ([[[1, 0, 2]], [[0, 1, 2]]], [[[1]], [[0]]], False), [[1, -1, 0]],
        "red, green, and yellow, which is flat",
    ),
]


def _score(window, template, centred=True, normalised=True):
    means = [sum(values) / len(values) if centred else 0 for values in (window, template)]
    a, b = ([v - m for v in vs] for vs, m in zip((window, template), means, strict=True))
    top = sum(x * y for x, y in zip(a, b, strict=True))
    below = sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    if not normalised:
        return top
    return top / below if below > 1e-9 else 0


def _match(args, score=_score, flipped=False, centre=None):
    """Template matching with one part exchanged."""
    image, template, pad_input = args
    if not isinstance(image[0][0], list):
        image, template = [image], [template]
    h, w = len(template[0]), len(template[0][0])
    top, left = (h // 2, w // 2) if pad_input else (0, 0)
    if pad_input and centre:
        top, left = centre(h, w)
    rows, columns = len(image[0]), len(image[0][0])
    if not pad_input:
        rows, columns = rows - h + 1, columns - w + 1

    def pixel(channel, y, x):
        inside = 0 <= y < len(channel) and 0 <= x < len(channel[0])
        return channel[y][x] if inside else 0

    flat = [v for channel in template for row in channel for v in row]
    return [
        [
            score(
                [pixel(channel, y + i - top, x + j - left)
                 for channel in image for i in range(h) for j in range(w)],
                flat[::-1] if flipped else flat,
            )
            for x in range(columns)
        ]
        for y in range(rows)
    ]


def rounded(rows):
    """What is compared: scores to 6 decimals."""
    return [[round(float(score), 6) + 0.0 for score in row] for row in rows]


def _by_difference(window, template):
    return 1 - sum((a - b) ** 2 for a, b in zip(window, template, strict=True))


def _per_channel(*args):
    image, template, pad_input = args
    if not isinstance(image[0][0], list):
        return _match(args)
    first, *others = [_match((i, t, pad_input)) for i, t in zip(image, template, strict=True)]
    return [
        [(s + sum(other[y][x] for other in others)) / (1 + len(others)) for x, s in enumerate(row)]
        for y, row in enumerate(first)
    ]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "products are summed, but not normalised: bright places win": lambda *args: _match(
        args, lambda window, template: _score(window, template, False, False)
    ),
    "the means are not subtracted": lambda *args: _match(
        args, lambda window, template: _score(window, template, False)
    ),
    "not divided by the spreads": lambda *args: _match(
        args, lambda window, template: _score(window, template, True, False)
    ),
    "a sum of squared differences: brightness matters": lambda *args: _match(args, _by_difference),
    "the template is flipped: that is convolution": lambda *args: _match(args, flipped=True),
    "the sign is lost: an opposite is no match": lambda *args: _match(
        args, lambda window, template: abs(_score(window, template))
    ),
    "the score is squared": lambda *args: _match(
        args, lambda window, template: _score(window, template) ** 2
    ),
    "flat windows fit; they score 0": lambda *args: _match(
        args, lambda window, template: _score(window, template) or float(len(set(window)) == 1)
    ),
    "the padded map has the score at the window's top left": lambda *args: _match(
        args, centre=lambda h, w: (0, 0)
    ),
    "of an even window the centre is the second of the two pixels": lambda *args: _match(
        args, centre=lambda h, w: ((h - 1) // 2, (w - 1) // 2)
    ),
    "the map is padded where it should not be": lambda image, template, pad_input: _match(
        (image, template, True)
    ),
    "each channel has its own mean; there is one for all": _per_channel,
}
