"""Worked examples of run lengths: mask -> counts, text. And polygons, height, width -> mask."""

from edudet.cases.case import Case

CASES = [
    Case("by hand", ([[0, 1, 1], [0, 1, 0]],), ([2, 3, 1], "231"), "column by column: 001110"),
    Case("begins inside", ([[1, 0]],), ([0, 1, 1], "011"), "the first run is outside: none here"),
    Case("nothing", ([[0, 0], [0, 0]],), ([4], "4")),
    Case("everything", ([[1, 1], [1, 1]],), ([0, 4], "04")),
    Case(
        "a column", ([[0, 1], [0, 1], [0, 1]],), ([3, 3], "33"),
    ),
    Case(
        "a row", ([[1, 1, 1], [0, 0, 0]],), ([0, 1, 1, 1, 1, 1, 1], "0110000"),
        "from the fourth on, the difference to the count two places before: 1 - 1",
    ),
    Case(
        "falling counts", ([[0, 0, 1, 1, 1, 0, 1]],), ([2, 3, 1, 1], "231N"),
        "1 - 3 = -2: its five bits are 11110, 30, and 48 + 30 is N",
    ),
    Case(
        "a long run", ([[0] * 40 + [1] * 16],), ([40, 16], "X1`0"),
        "40 = 8 + 32 * 1: X is 48 + 8 + 32, more follow; 16 alone would read as a minus",
    ),
]

# Coordinates are continuous: pixel (row y, column x) covers [x, x + 1) x [y, y + 1).
POLYGONS = [
    Case("a square", ([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 4), [
        [0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0],
    ]),
    Case("the other way round", ([[1, 1, 1, 3, 3, 3, 3, 1]], 4, 4), [
        [0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0],
    ]),
    Case("cut off", ([[-5, 1, 2, 1, 2, 9, -5, 9]], 3, 3), [[0, 0, 0], [1, 1, 0], [1, 1, 0]]),
    Case("two parts", ([[0, 0, 1, 0, 1, 1, 0, 1], [2, 0, 3, 0, 3, 2, 2, 2]], 2, 3), [
        [1, 0, 1], [0, 0, 1],
    ]),
    Case("two that overlap", ([[0, 0, 2, 0, 2, 1, 0, 1], [1, 0, 3, 0, 3, 1, 1, 1]], 1, 4), [
        [1, 1, 1, 0],
    ], "a union: what lies in both is inside"),
    Case("one inside another", ([[0, 0, 3, 0, 3, 1, 0, 1], [1, 0, 2, 0, 2, 1, 1, 1]], 1, 3), [
        [1, 1, 1],
    ], "no hole: the parts are united"),
    Case("between the middles of two columns", ([[1.625, 0, 2.25, 0, 2.25, 2, 1.625, 2]], 2, 4), [
        [0, 0, 0, 0], [0, 0, 0, 0],
    ], "a column counts if the outline encloses its middle"),
    Case("a triangle", ([[0, 0, 4, 4, 0, 4]], 4, 4), [
        [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1],
    ], "the edge passes through the middles of pixels: what lies below it is inside"),
    Case("a part of two corners", ([[0, 0, 2, 2], [1, 1, 3, 1, 3, 3, 1, 3]], 3, 3), [
        [0, 0, 0], [0, 1, 1], [0, 1, 1],
    ], "fewer than three corners enclose nothing"),
    Case("one corner alone", ([[1, 1]], 2, 2), [[0, 0], [0, 0]]),
    Case("beside the image", ([[9, 9, 12, 9, 12, 12]], 2, 2), [[0, 0], [0, 0]]),
]


def _encode(mask, *, by_rows=False, first_inside=False, differences_from=3, signed=True, last=True,
            as_ends=False):
    pixels = (
        [p for row in mask for p in row] if by_rows
        else [row[x] for x in range(len(mask[0])) for row in mask]
    )
    counts, inside, run = [], first_inside and pixels[0], 0
    for pixel in pixels:
        if pixel != inside:
            counts.append(run)
            inside, run = pixel, 0
        run += 1
    if last:
        counts.append(run)
    if as_ends:
        counts = [sum(counts[: i + 1]) for i in range(len(counts))]
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i >= differences_from else count
        more = True
        while more:
            digit = value & 31
            value >>= 5
            more = value != (-1 if signed and digit & 16 else 0) and value != -1
            text += chr(48 + digit + (32 if more else 0))
    return counts, text


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "read row by row; COCO reads column by column": lambda m: _encode(m, by_rows=True),
    "the first run is what is outside, even if it is empty": lambda m: _encode(
        m, first_inside=True
    ),
    "the last run counts, too": lambda m: _encode(m, last=False),
    "counts are lengths of runs, not places where they end": lambda m: _encode(m, as_ends=True),
    "differences begin with the third count, not with the fourth": lambda m: _encode(
        m, differences_from=2
    ),
    "no differences to the count two places before": lambda m: _encode(m, differences_from=99),
    "bit 4 of the last digit is the sign: 16 needs a second digit": lambda m: _encode(
        m, signed=False
    ),
}


def _decode(counts, height, width, *, by_rows=False, inside=0, turned=False):
    pixels = [(inside + i) % 2 for i, count in enumerate(counts) for _ in range(count)]
    if by_rows:
        return [pixels[y * width : (y + 1) * width] for y in range(height)]
    if turned:
        return [pixels[x * height : (x + 1) * height] for x in range(width)]
    return [pixels[y::height] for y in range(height)]


# Of decoding: counts, height, width -> mask. CASES, read backwards, catch them all.
MISTAKES_OF_DECODING = {
    "pixels are put down row by row; COCO goes column by column": lambda *args: _decode(
        *args, by_rows=True
    ),
    "the first run is outside": lambda *args: _decode(*args, inside=1),
    "the mask is (height, width), not (width, height)": lambda *args: _decode(*args, turned=True),
}


def _fill(polygons, height, width, *, even_odd=False, middle=0.5, transposed=False, union=True):
    """A pixel is inside if a ray from its middle meets the outlines an odd number of times."""

    def crosses(polygon, x, y):
        corners = list(zip(polygon[::2], polygon[1::2], strict=True))
        inside = False
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (x1 > x) != (x2 > x) and y1 + (x - x1) * (y2 - y1) / (x2 - x1) <= y:
                inside = not inside
        return inside

    def inside(x, y):
        hits = [crosses(p, x + middle, y + 0.5) for p in polygons]
        return sum(hits) % 2 == 1 if even_odd else any(hits) if union else hits[0]

    mask = [[int(inside(x, y)) for x in range(width)] for y in range(height)]
    return [list(row) for row in zip(*mask, strict=True)] if transposed else mask


MISTAKES_OF_POLYGONS = {
    "where parts overlap they cancel; they are united": lambda *args: _fill(*args, even_odd=True),
    "only the first part is drawn": lambda *args: _fill(*args, union=False),
    "x and y are exchanged": lambda *args: _fill(*args, transposed=True),
    "a column counts from its left edge, not from its middle": lambda *args: _fill(
        *args, middle=0
    ),
}
