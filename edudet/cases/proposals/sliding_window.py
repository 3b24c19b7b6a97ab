"""Worked examples of sliding windows: (image size, window size, stride) -> boxes; and of counts."""

from edudet.cases.case import Case

CASES = [
    Case("one fits", ((2, 3), (2, 3), 1), [[0, 0, 3, 2]], "sizes are (height, width), boxes xyxy"),
    Case("none fits", ((2, 3), (3, 2), 1), []),
    Case("row by row", ((3, 3), (2, 2), 1), [[0, 0, 2, 2], [1, 0, 3, 2], [0, 1, 2, 3],
                                             [1, 1, 3, 3]]),
    Case("stride", ((2, 7), (2, 3), 2), [[0, 0, 3, 2], [2, 0, 5, 2], [4, 0, 7, 2]]),
    Case("the rest is left out", ((2, 6), (2, 3), 2), [[0, 0, 3, 2], [2, 0, 5, 2]],
         "a window at 4 would end at 7, outside"),
    Case("strides differ", ((5, 5), (3, 3), (2, 1)), [[0, 0, 3, 3], [1, 0, 4, 3], [2, 0, 5, 3],
                                                      [0, 2, 3, 5], [1, 2, 4, 5], [2, 2, 5, 5]]),
    Case("a level of half size", ((2, 4), (2, 2), 2, (0.5, 0.5)), [[0, 0, 4, 4], [4, 0, 8, 4]]),
]

# (image size, window size or None, stride) -> how many
COUNTS = [
    Case("a grid of 3 x 4", ((3, 4),), 60, "every rectangle: (4 * 5 / 2) * (3 * 4 / 2)"),
    Case("640 x 480", ((480, 640),), 23_679_052_800),
    Case("500 x 375", ((375, 500),), 8_830_125_000),
    Case("lecture 1", ((1000, 2000), 224, 1), 777 * 1777),
    Case("too small", ((100, 2000), 224, 1), 0),
]

# (image size, shapes around a pixel or None for all rectangles) -> seconds at 1 ms each
COSTS = [
    Case("all rectangles: months", ((480, 640), None), 23_679_052.8, "274 days"),
    Case("all in a smaller image", ((375, 500), None), 8_830_125.0, "102 days"),
    Case("30 shapes: hours", ((1000, 2000), 30), 60_000.0, "16.67 h, not months"),
    Case("30 shapes", ((480, 640), 30), 9216.0, "2.56 h"),
    Case("a month", ((1000, 2000), 1296), 2_592_000.0, "it takes 1296 shapes to make 30 days"),
    Case("one scale", ((777, 1777), 1), 1380.729, "23 min"),
]


def _windows(image, window, stride, scale=(1, 1), *, last=0, transposed=False, columns_first=False):
    sizes = [(s, s) if isinstance(s, int) else s for s in (image, window, stride)]
    if transposed:
        sizes = [size[::-1] for size in sizes]
    (height, width), (h, w), (down, right) = sizes
    places = [
        (x, y)
        for y in range(0, height - h + 1 + last, down)
        for x in range(0, width - w + 1 + last, right)
    ]
    if columns_first:
        places.sort()
    return [
        [x / scale[1], y / scale[0], (x + w) / scale[1], (y + h) / scale[0]] for x, y in places
    ]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "the last window is missing": lambda *args: _windows(*args, last=-1),
    "windows reach beyond the border": lambda *args: _windows(*args, last=1),
    "height and width are exchanged": lambda *args: _windows(*args, transposed=True),
    "column by column; here it is row by row": lambda *args: _windows(*args, columns_first=True),
    "the stride is ignored": lambda i, w, s, *scale: _windows(i, w, 1, *scale),
    "boxes are in pixels of the level, not of the image": lambda i, w, s, *scale: _windows(i, w, s),
    "width is x2 - x1 + 1; here it is x2 - x1": lambda *args: [
        [x1, y1, x2 - 1, y2 - 1] for x1, y1, x2, y2 in _windows(*args)
    ],
}
