"""The photo of 24 coins that ships in scikit-image, with a box around each.

The boxes were made once, by skimage.segmentation.watershed on the gradient with markers below 30
and above 150, holes filled, regions of more than 200 pixels; then drawn and looked at. The photo is
cut in two: the detector learns on the left and is tried on the right. The cut goes through one coin
of the left; what is left of it on the right counts as background.

The constants of the detector were written down before it was first tried on the right half, and
kept; the range of sizes is computed from the boxes of the left half.
"""

import torch
from torch import Tensor

CUT = 182  # the first column of the right half

LEFT = [
    (132, 28, 179, 74), (22, 35, 67, 74), (81, 39, 120, 74), (25, 104, 67, 145),
    (84, 108, 122, 145), (134, 110, 173, 145), (80, 175, 124, 217), (26, 179, 63, 217),
    (135, 179, 174, 217), (18, 233, 75, 288), (144, 236, 201, 288), (93, 245, 136, 287),
]
RIGHT = [
    (305, 16, 365, 72), (192, 30, 240, 73), (255, 34, 297, 72), (245, 95, 296, 144),
    (186, 105, 226, 144), (317, 106, 356, 145), (315, 156, 380, 218), (189, 170, 237, 217),
    (251, 172, 297, 217), (276, 239, 326, 289), (220, 240, 269, 288), (336, 248, 382, 289),
]


def load_coins() -> tuple[Tensor, Tensor, Tensor]:
    """The photo (1, 303, 384) in [0, 1], and the boxes of the left and of the right half."""
    from skimage.data import coins

    image = torch.from_numpy(coins()).float()[None] / 255
    return image, torch.tensor(LEFT).float(), torch.tensor(RIGHT).float()
