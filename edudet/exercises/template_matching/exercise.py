"""Exercise: the correlation coefficient of a template at every place of an image."""

import torch

from edudet import proposals
from edudet.cases.case import Case
from edudet.cases.proposals.template_matching import CASES, MISTAKES
from edudet.course.exercise import Exercise, Test, hidden, worked

# Without the argument that pads the image.
PLAIN_CASES = [
    Case(case.name, case.args[:2], case.expected) for case in CASES if not case.args[2]
]


def match_template(image, template):
    """Return how well `template` fits at every place of `image`: the correlation coefficient.

    Args:
        image: (C, H, W) float32, any range of values.
        template: (C, h, w) float32, at most as large as the image.

    Returns:
        (H - h + 1, W - w + 1) float32: the score at (y, x) is that of the window whose top left
        is pixel (y, x). Means are taken over all channels of a window together. A flat window, all
        of whose values are equal, scores 0; so does everything if the template is flat.
    """
    return proposals.match_template(image, template)


def prepare(image, template):
    image, template = (torch.tensor(part, dtype=torch.float32) for part in (image, template))
    return (image, template) if image.ndim == 3 else (image[None], template[None])


def random_image(random, height, width, channels=1, values=8):
    """Whole numbers with a flat corner: windows there score 0."""
    image = random.integers(0, values, (channels, height, width))
    image[:, : height // 2, : width // 2] = 3
    return image


def cut_out(random):
    """The template was cut out of the image, and the contrast changed."""
    image = random_image(random, 6, 9)
    y, x = random.integers(0, 4), random.integers(4, 7)
    template = 2 * image[:, y : y + 3, x : x + 2] + int(random.integers(-9, 9))
    return image.tolist(), template.tolist()


def opposite_and_bright(random):
    """The template is the negative of a window in a bright image."""
    image = random_image(random, 7, 5) + 16
    y, x = random.integers(3, 6), random.integers(0, 3)
    return image.tolist(), (40 - image[:, y : y + 2, x : x + 3]).tolist()


def colours(random):
    image = random_image(random, 5, 6, channels=3, values=4)
    return image.tolist(), random.integers(0, 4, (3, 2, 3)).tolist()


def as_wide(random):
    """One row as wide as the image, and a flat one of its size."""
    image = random_image(random, 5, 4)
    row = random.integers(0, 8, (1, 1, 4))
    row[..., 1::2] += 9
    flat = image[:, :1] * 0 + 7
    return [(image.tolist(), template.tolist()) for template in (row, flat)]


def draw(axes, case, result):
    from edudet.draw import COLOURS, show_image  # needs matplotlib, which checking does not

    image, template = prepare(*case)
    h, w = template.shape[-2:]
    height, width = image.shape[-2:]
    canvas = torch.full((max(height, h), width + 1 + w), image.max().item())
    canvas[:height, :width], canvas[:h, width + 1 :] = image[0], template[0]
    show_image(axes, canvas, "template at the right; each window's score at its middle")
    axes.plot([width + 0.5] * 2, [0, canvas.shape[0]], color=COLOURS["faint"])
    for y, row in enumerate(result):
        for x, score in enumerate(row):
            axes.text(
                x + w / 2, y + h / 2, f"{score:.2g}", ha="center", va="center", fontsize=8,
                color="white", bbox={
                    "facecolor": COLOURS["kept" if score > 0.99 else "dropped"],
                    "edgecolor": "none", "pad": 1,
                },
            )  # fmt: skip


EXERCISE = Exercise(
    title="Template matching",
    functions=[match_template],
    tests=[
        worked("one row", 2, PLAIN_CASES, "falling edge", "brightness and contrast do not matter",
               "the template itself", "mirrored", "in between", "bright"),
        worked("more than one row, colours", 2, PLAIN_CASES, "the same L, turned",
               "rows and columns", "colours"),
        worked("flat ones", 1, PLAIN_CASES, "flat template", "flat image", "falling edge"),
        hidden("cut out of the image", 3, cut_out),
        hidden("an opposite in a bright image", 2, opposite_and_bright),
        hidden("three channels", 2, colours),
        Test("as wide as the image, and flat", 1, as_wide),
    ],
    mistakes={
        hint: lambda image, template, wrong=wrong: wrong(image, template, False)
        for hint, wrong in MISTAKES.items()
        if "padded map" not in hint and "even window" not in hint
    },
    prepare=prepare,
    tolerance=(1e-4, 1e-4),
    line_budget=14,
    example=(
        [[0, 0, 0, 0, 0, 0, 0], [0, 4, 0, 0, 2, 2, 0], [0, 4, 4, 0, 0, 2, 0], [0] * 7],
        [[1, 0], [1, 1]],
    ),
    draw=draw,
)  # fmt: skip
