"""A detector that is trained within a second, and its images; also a program that trains it."""

import hashlib
import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torch.utils.data import Dataset

from edudet.training import train

SIDE, STRIDE = 32, 8


class Squares(Dataset):
    """Red and blue squares on grey noise; image i is a pure function of i."""

    categories = ("red", "blue")

    def __init__(self, length=12, pause=0.0, started=None):
        self.length, self.pause, self.started = length, pause, started

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        if not 0 <= i < self.length:
            raise IndexError(i)
        if self.started:
            Path(self.started).touch()
        time.sleep(self.pause)
        generator = torch.Generator().manual_seed(i)
        image = torch.rand(3, SIDE, SIDE, generator=generator) * 0.2 + 0.4
        label = i % 2 + 1
        x, y, side = (int(torch.randint(4, 14, (), generator=generator)) for _ in range(3))
        image[:, y : y + side, x : x + side] = torch.eye(3)[0 if label == 1 else 2][:, None, None]
        masks = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
        masks[0, y : y + side, x : x + side] = True
        target = {
            "boxes": torch.tensor([[x, y, x + side, y + side]], dtype=torch.float32),
            "labels": torch.tensor([label]),
            "image_id": i,
            "iscrowd": torch.tensor([False]),
            "area": torch.tensor([float(side * side)]),
            "masks": masks,
        }
        return image, target


class Tiny(nn.Module):
    """Every cell of 8x8 pixels says what is centred there, and its box. Losses are means over
    images. Two sources of noise: the target's seed, and torch's generator (dropout)."""

    def __init__(self, num_classes=3, dropout=0.1, noise=0.05, broken_at=None):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 5, 4, 2),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.head = nn.Conv2d(16, num_classes + 4, 1)
        self.noise, self.broken_at, self.calls = noise, broken_at, 0

    def forward(self, images, targets=None):
        if self.training:
            images = [
                image
                + self.noise
                * torch.randn(image.shape, generator=torch.Generator().manual_seed(target["seed"]))
                for image, target in zip(images, targets, strict=True)
            ]
        answers = self.head(self.body(torch.stack(list(images))))  # (N, C + 4, 4, 4)
        logits, boxes = answers[:, :-4], self._boxes(answers[:, -4:])
        return self._losses(logits, boxes, targets) if self.training else _found(logits, boxes)

    def _boxes(self, sides):
        rows = torch.arange(sides.shape[-1]) * STRIDE + STRIDE / 2.0
        y, x = torch.meshgrid(rows, rows, indexing="ij")
        left, up, right, down = (8 * sides.exp()).unbind(1)
        return torch.stack([x - left, y - up, x + right, y + down], 1)  # (N, 4, 4, 4)

    def _losses(self, logits, boxes, targets):
        self.calls += 1
        kinds, places = [], []
        for i, target in enumerate(targets):
            cells = ((target["boxes"][:, :2] + target["boxes"][:, 2:]) / 2 / STRIDE).long()
            labels = torch.zeros(logits.shape[-2:], dtype=torch.int64)
            labels[cells[:, 1], cells[:, 0]] = target["labels"]
            kinds.append(cross_entropy(logits[i : i + 1], labels[None]))
            near = boxes[i, :, cells[:, 1], cells[:, 0]].T
            places.append(smooth_l1_loss(near, target["boxes"]) / 8)
        losses = {"loss_class": torch.stack(kinds).mean(), "loss_box": torch.stack(places).mean()}
        if self.calls == self.broken_at:
            losses["loss_box"] = losses["loss_box"] * float("nan")
        return losses


def _found(logits, boxes):
    found = []
    for logit, box in zip(logits, boxes, strict=True):
        scores, labels = logit.softmax(0)[1:].flatten(1).max(0)
        scores, order = scores.sort(descending=True)
        found.append(
            {
                "boxes": box.flatten(1).T[order],
                "scores": scores,
                "labels": labels[order] + 1,
            }
        )
    return found


def new_tiny(seed=0, **arguments):
    torch.manual_seed(seed)
    return Tiny(**arguments)


def fast(**changes):
    """Arguments of `train` for a run of a few steps."""
    return {
        "iterations": 12,
        "batch_size": 4,
        "learning_rate": 0.05,
        "warmup": 3,
        "clip": 5.0,
        "checkpoint_every": 3,
        "progress": False,
        "seed": 1,
        **changes,
    }


def digest(model):
    """Of all weights, bit for bit."""
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()


if __name__ == "__main__":  # tiny.py OUT JSON: train; the first process writes OUT/digest
    folder, given = Path(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(1)
    data = Squares(pause=given.pop("pause", 0.0), started=given.pop("started", None))
    tiny = new_tiny(dropout=given.pop("dropout", 0.1))
    if train(tiny, data, out=folder, resume=given.pop("resume", False), **fast(**given)):
        (folder / "digest").write_text(digest(tiny))
        torch.save(tiny.state_dict(), folder / "state.pt")
