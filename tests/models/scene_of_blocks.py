"""Images that cost nothing: coloured blocks on grey, with proposals around them."""

import torch
from torch.utils.data import Dataset


class Blocks(Dataset):
    """Image i is a pure function of i: one or two blocks, red (1) or blue (2), 64 x 64 pixels."""

    categories = ("red", "blue")

    def __init__(self, length=6, proposals=24):
        self.length, self.proposals = length, proposals

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        if not 0 <= i < self.length:
            raise IndexError(i)
        generator = torch.Generator().manual_seed(100 + i)
        image = torch.rand(3, 64, 64, generator=generator) * 0.2 + 0.4
        boxes, labels = [], []
        for half in range(1 + i % 2):
            x = int(torch.randint(2, 8, (), generator=generator)) + 32 * half
            y = int(torch.randint(2, 36, (), generator=generator))
            side = int(torch.randint(16, 23, (), generator=generator))
            label = 1 + (i + half) % 2
            image[:, y : y + side, x : x + side] = torch.eye(3)[2 * label - 2][:, None, None]
            boxes.append([x, y, x + side, y + side])
            labels.append(label)
        target = {
            "boxes": torch.tensor(boxes, dtype=torch.float32),
            "labels": torch.tensor(labels),
            "image_id": i,
            "iscrowd": torch.zeros(len(boxes), dtype=torch.bool),
            "area": torch.tensor([float((b[2] - b[0]) ** 2) for b in boxes]),
            "seed": 7 + i,
        }
        if self.proposals:
            target["proposals"] = self._around(target["boxes"], generator)
        return image, target

    def _around(self, boxes, generator):
        """Boxes near the objects, and boxes anywhere."""
        half = self.proposals // 2
        near = boxes.repeat(half, 1)[:half] + torch.randn(half, 4, generator=generator) * 2
        corner = torch.rand(half, 2, generator=generator) * 40
        far = torch.cat([corner, corner + 8 + torch.rand(half, 2, generator=generator) * 16], 1)
        return torch.cat([near, far]).clamp(0, 64)


def batch(length=3, **options):
    pairs = [Blocks(length, **options)[i] for i in range(length)]
    return [image for image, _ in pairs], [target for _, target in pairs]


def without_objects(target):
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    return {
        **target,
        **nothing,
        "iscrowd": torch.zeros(0, dtype=torch.bool),
        "area": torch.zeros(0),
    }
