"""Exercise: how alike two regions are, in selective search."""

import torch

from edudet import proposals
from edudet.cases.proposals.region_similarity import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.proposals.region_similarity import Region

KINDS = "colour", "texture", "size", "fill"


def region_similarity(a, b, image_area, kinds):
    """Return the sum of the similarities named in `kinds`.

    Args:
        a, b: two regions, each a tuple (size, box, colour, texture): its number of pixels; the
            (x1, y1, x2, y2) of the box around it, pixels x1 to x2 - 1 wide; its counts of pixels,
            two 1-D float32 tensors. One histogram for each channel stands in them, one after the
            other: every pixel is counted once in each.
        image_area: pixels of the image.
        kinds: a list of some of "colour", "texture", "size", "fill".

    Returns:
        A float.
    """
    regions = (Region(*part[:2], *(counts.double().numpy() for counts in part[2:]))
               for part in (a, b))  # fmt: skip
    return proposals.region_similarity(*regions, image_area, kinds)


def prepare(a, b, image_area, kinds):
    def region(size, box, *histograms):
        return size, tuple(box), *(torch.tensor(h, dtype=torch.float32) for h in histograms)

    return region(*a), region(*b), image_area, list(kinds)


def histograms(random, size, channels, bins):
    shares = random.random(bins) + 0.01
    return random.multinomial(size, shares / shares.sum(), channels).flatten().tolist()


def pair(random, kinds):
    """Two regions in boxes that lie side by side, or corner to corner, in 16 x 16 pixels."""
    width, height, wide, high = random.integers(2, 7, 4).tolist()
    x, y = int(random.integers(0, 3)), int(random.integers(0, 2))
    down = int(random.integers(0, 2)) * height
    boxes = (x, y, x + width, y + height), (x + width, y + down, x + width + wide, y + down + high)
    channels, bins = random.integers(1, 4, 2).tolist()
    regions = []
    for x1, y1, x2, y2 in boxes:
        size = int(random.integers((x2 - x1) * (y2 - y1) // 2, (x2 - x1) * (y2 - y1) + 1))
        colour = histograms(random, size, channels, bins + 2)
        texture = histograms(random, size, 2 * channels, 3)
        regions.append((size, (x1, y1, x2, y2), colour, texture))
    return *regions, 256, kinds


def histograms_only(random):
    return pair(random, (str(random.choice(KINDS[:2])),))


def size_only(random):
    return pair(random, ("size",))


def fill_only(random):
    return pair(random, ("fill",))


def some_kinds(random):
    return pair(random, tuple(random.permutation(KINDS)[: int(random.integers(2, 5))].tolist()))


def draw(axes, case, result):
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    (size_a, _, a, _), (size_b, _, b, _), _, kinds = case
    shares = [[n / size for n in counts] for size, counts in ((size_a, a), (size_b, b))]
    bins = range(len(a))
    axes.bar([i - 0.2 for i in bins], shares[0], 0.4, label="a", color=COLOURS["kept"])
    axes.bar([i + 0.2 for i in bins], shares[1], 0.4, label="b", color=COLOURS["marked"])
    axes.bar(bins, [min(both) for both in zip(*shares, strict=True)], 0.8, label="both",
             facecolor="none", edgecolor="black", linewidth=2)  # fmt: skip
    axes.set_xticks(list(bins))
    axes.set_xlabel("colour bin")
    axes.set_ylabel("share of the pixels")
    axes.legend(frameon=False)
    axes.set_title(f"{' + '.join(kinds)}: {float(result):.4g}")


EXERCISE = Exercise(
    title="Similarity of regions",
    functions=[region_similarity],
    tests=[
        worked("colour", 2, CASES, "the same colours", "nothing in common", "half",
               "shares, not counts", "two channels"),
        worked("texture, and all together", 1, CASES, "texture", "all four"),
        worked("size and fill", 2, CASES, "size", "small ones first", "side by side",
               "corner to corner", "one within the other", "a region is not its box"),
        hidden("histograms", 3, histograms_only, calls=6),
        hidden("sizes", 1, size_only),
        hidden("holes", 2, fill_only),
        hidden("several kinds", 2, some_kinds),
    ],
    mistakes=MISTAKES,
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    line_budget=22,
    example=((8, (0, 0, 4, 2), [2, 4, 2], [8]), (4, (4, 0, 6, 2), [0, 1, 3], [4]), 48,
             ("colour",)),
    draw=draw,
)  # fmt: skip
