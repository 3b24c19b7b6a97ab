"""Worked examples of colour spaces: ((R, G, B), space) -> the channels of that pixel, 0 to 255."""

from edudet.cases.case import Case

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)

CASES = [
    Case("as it is", ((1, 2, 3), "rgb"), [1, 2, 3]),
    Case("gray of white", (WHITE, "gray"), [255]),
    Case("gray of green", (GREEN, "gray"), [149], "149.685, rounded down: green looks bright"),
    Case("gray of blue", (BLUE, "gray"), [29], "29.07: blue looks dark"),
    Case("hue of red", (RED, "hsv"), [0, 255, 255]),
    Case("hue of green", (GREEN, "hsv"), [85, 255, 255], "120 degrees: 256 / 3"),
    Case("hue of blue", (BLUE, "hsv"), [170, 255, 255], "240 degrees: 2 * 256 / 3"),
    Case("just below red", ((255, 0, 128), "hsv"), [234, 255, 255],
         "(0 - 128) / 255 of a sixth is below 0: one turn is added"),
    Case("yellow", ((255, 255, 0), "H"), [42], "60 degrees: 256 / 6"),
    Case("no hue", (WHITE, "hsv"), [0, 0, 255], "0/0 is 0"),
    Case("black", (BLACK, "hsv"), [0, 0, 0]),
    Case("in the light", ((200, 100, 100), "hsv"), [0, 127, 200]),
    Case("in the shadow", ((100, 50, 50), "hsv"), [0, 127, 100], "the same hue and saturation"),
    Case("shares in the light", ((200, 100, 100), "rgI"), [127, 63, 133]),
    Case("shares in the shadow", ((100, 50, 50), "rgI"), [127, 63, 67], "200 / 3 = 66.67"),
    Case("shares of black", (BLACK, "rgI"), [85, 85, 0], "1/3 each"),
    Case("L*a*b* of white", (WHITE, "lab"), [255, 128, 128]),
    Case("L*a*b* of black", (BLACK, "lab"), [0, 128, 128]),
    Case("L*a*b* of middle gray", ((119, 119, 119), "lab"), [128, 128, 128],
         "L 50.03: half as bright to the eye is 18 % of the light"),
    Case("L*a*b* of red", (RED, "lab"), [136, 208, 195], "L 53.24, a 80.09, b 67.20"),
    Case("L*a*b* of green", (GREEN, "lab"), [224, 42, 211], "L 87.73, a -86.18, b 83.18"),
    Case("L*a*b* of blue", (BLUE, "lab"), [82, 207, 20], "L 32.30, a 79.19, b -107.86"),
]


def _convert(
    rgb, space, *, turn=256, wraps=True, gray=(299, 587, 114), lightness=False, gamma=True, mean=3,
):
    """One pixel, with one part exchanged."""
    r, g, b = rgb
    largest, smallest = max(rgb), min(rgb)
    spread = largest - smallest
    if largest == r:
        angle = g - b
    elif largest == g:
        angle = b - r + 2 * spread
    else:
        angle = r - g + 4 * spread
    if angle < 0:
        angle = angle + 6 * spread if wraps else 0
    hue = turn * angle // (6 * spread) if spread else 0
    total = sum(rgb)
    if space == "rgb":
        return list(rgb)
    if space == "gray":
        return [sum(w * c for w, c in zip(gray, rgb, strict=True)) // sum(gray)]
    if space == "H":
        return [hue]
    if space == "hsv":
        value = (largest + smallest) // 2 if lightness else largest
        return [hue, 255 * spread // largest if largest else 0, value]
    if space == "rgI":
        shares = [255 * c // total if total else 85 for c in (r, g)]
        return [*shares, (2 * total + mean) // (2 * mean)]
    return _lab(rgb, gamma)


def _lab(rgb, gamma):
    levels = [c / 255 for c in rgb]
    if gamma:
        levels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels]
    r, g, b = levels
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t * (29 / 6) ** 2 / 3 + 4 / 29 for t in (x, y, z)
    )
    return [round(2.55 * (116 * y - 16)), round(500 * (x - y) + 128), round(200 * (y - z) + 128)]


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "read as B, G, R, as OpenCV stores photos": lambda rgb, space: _convert(rgb[::-1], space),
    "hue in units of 2 degrees, 0 to 179": lambda *a: _convert(*a, turn=180),
    "a hue below 0 is cut off; the circle closes": lambda *a: _convert(*a, wraps=False),
    "gray is the plain mean": lambda *a: _convert(*a, gray=(1, 1, 1)),
    "the V of HSV is the largest value, not the middle of largest and smallest": lambda *a: (
        _convert(*a, lightness=True)
    ),
    "sRGB levels are taken for amounts of light": lambda *a: _convert(*a, gamma=False),
    "I is the sum of R, G and B, not their mean": lambda *a: _convert(*a, mean=1),
}
