"""Worked examples of box formats: (boxes, from, to) -> boxes."""

from edudet.cases.case import Case

CORNERS, SIZE, CENTRE = [1, 2, 5, 10], [1, 2, 4, 8], [3, 6, 4, 8]  # the same box

CASES = [
    Case("none", ([], "xyxy", "xywh"), []),
    Case("corners to size", ([CORNERS], "xyxy", "xywh"), [SIZE]),
    Case("corners to centre", ([CORNERS], "xyxy", "cxcywh"), [CENTRE]),
    Case("size to corners", ([SIZE], "xywh", "xyxy"), [CORNERS]),
    Case("size to centre", ([SIZE], "xywh", "cxcywh"), [CENTRE]),
    Case("centre to corners", ([CENTRE], "cxcywh", "xyxy"), [CORNERS]),
    Case("centre to size", ([CENTRE], "cxcywh", "xywh"), [SIZE]),
    Case("nothing to do", ([CORNERS], "xyxy", "xyxy"), [CORNERS]),
    Case("an odd side", ([[0, 0, 3, 1]], "xyxy", "cxcywh"), [[1.5, 0.5, 3, 1]],
         "centres lie between pixels, too"),
    Case("an empty box", ([[4, 4, 4, 4]], "xyxy", "xywh"), [[4, 4, 0, 0]]),
    Case("left of the image", ([[-4, -6, 2, 2]], "xyxy", "cxcywh"), [[-1, -2, 6, 8]]),
]


def _converted(plus=0, half=2, floor=False, swap=False):
    """box_convert with one part exchanged."""
    def convert(boxes, in_fmt, out_fmt):
        result = []
        for a, b, c, d in boxes:
            if in_fmt == "xyxy":
                x1, y1, width, height = a, b, c - a + plus, d - b + plus
            else:
                width, height = (d, c) if swap else (c, d)
                centred = in_fmt == "cxcywh"
                x1, y1 = (a - width / half, b - height / half) if centred else (a, b)
            if out_fmt == "xyxy":
                box = [x1, y1, x1 + width - plus, y1 + height - plus]
            elif out_fmt == "xywh":
                box = [x1, y1, width, height]
            else:
                box = [x1 + width / half, y1 + height / half, width, height]
            result.append([value // 1 if floor else value for value in box])
        return result

    return convert


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "width is x2 - x1 + 1; here it is x2 - x1": _converted(plus=1),
    "half the size lies on either side of the centre": _converted(half=1),
    "centres of float boxes are not rounded": _converted(floor=True),
    "width comes before height": _converted(swap=True),
    "returned as they came": lambda boxes, in_fmt, out_fmt: boxes,
    "centre and corner are not told apart": lambda boxes, in_fmt, out_fmt: _converted()(
        boxes, in_fmt.replace("cxcywh", "xywh"), out_fmt.replace("cxcywh", "xywh")
    ),
}
