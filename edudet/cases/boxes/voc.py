"""Worked examples of VOC's boxes: xmin, ymin, xmax, ymax -> x1, y1, x2, y2."""

from edudet.cases.case import Case

CASES = [
    Case("none", ([],), []),
    Case("the first pixel", ([[1, 1, 1, 1]],), [[0, 0, 1, 1]], "its area is 1"),
    Case("the whole image of 500 x 375", ([[1, 1, 500, 375]],), [[0, 0, 500, 375]]),
    Case("10 columns, 5 rows", ([[11, 21, 20, 25]],), [[10, 20, 20, 25]],
         "xmax - xmin + 1 = 10 = x2 - x1"),
]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "nothing changed: VOC's numbers are one-based and inclusive": lambda boxes: boxes,
    "all four are made zero-based: the last column is lost": lambda boxes: [
        [value - 1 for value in box] for box in boxes
    ],
    "made exclusive, but still one-based": lambda boxes: [
        [x1, y1, x2 + 1, y2 + 1] for x1, y1, x2, y2 in boxes
    ],
    "one-based and inclusive made up for twice": lambda boxes: [
        [x1 - 1, y1 - 1, x2 + 1, y2 + 1] for x1, y1, x2, y2 in boxes
    ],
}
