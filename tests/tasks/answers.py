"""Images whose targets are given, and a model that says what it is told to say."""

import torch
from torch import nn
from torch.utils.data import Dataset

PERSON = [[4.0, 4.0, 24.0, 44.0]]  # its longer side is 40: a joint may be 4 pixels off
JOINTS = ("right ankle", "neck", "head top")


class Given(Dataset):
    """Images, all of 64x64, whose targets are given."""

    categories, joints = ("person", "ball"), JOINTS

    def __init__(self, *targets):
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return torch.full((3, 64, 64), i / 255), self.targets[i]


class Answers(nn.Module):
    """Says what it is told to say; the image's colour is its number."""

    def __init__(self, *outputs):
        super().__init__()
        self.outputs, self.seen = outputs, []

    def forward(self, images, targets=None):
        assert not self.training and not torch.is_grad_enabled()
        self.seen.append(targets)
        return [self.outputs[round(float(image[0, 0, 0]) * 255)] for image in images]


def person(boxes=PERSON, image_id=7, crowd=False, **more):
    number = len(boxes)
    boxes = torch.tensor(boxes).reshape(-1, 4)
    return {
        "boxes": boxes,
        "labels": torch.ones(number, dtype=torch.int64),
        "image_id": image_id,
        "iscrowd": torch.full((number,), crowd),
        "area": (boxes[:, 2:] - boxes[:, :2]).prod(1),
        **more,
    }


def found(boxes=PERSON, scores=(0.9,), labels=None, **more):
    boxes = torch.tensor(boxes).reshape(-1, 4)
    labels = torch.ones(len(boxes), dtype=torch.int64) if labels is None else torch.tensor(labels)
    return {"boxes": boxes, "labels": labels, "scores": torch.tensor(scores), **more}


NONE = found([], ())
