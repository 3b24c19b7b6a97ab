"""Inputs that the tests of several operators share."""

import torch


def detections(boxes, scores, device="cpu", dtype=torch.float32):
    """Rows of four numbers and as many scores, as tensors: also when there are none."""
    boxes = torch.tensor(boxes, dtype=dtype, device=device).reshape(-1, 4)
    return boxes, torch.tensor(scores, dtype=dtype, device=device)


def random_detections(n, seed=0, size=64, dtype=torch.float32, sides_below=12):
    """Integer boxes, many of them equal or exactly half covered, with many equal scores."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, size, (n, 2), generator=generator)
    sides = torch.randint(0, sides_below, (n, 2), generator=generator)
    scores = torch.randint(0, max(n // 2, 1), (n,), generator=generator).to(dtype) / 128
    return torch.cat([corner, corner + sides], 1).to(dtype), scores


def objects(boxes, labels, dtype=torch.float32):
    """Rows of four numbers and as many classes, as tensors."""
    boxes = torch.tensor(boxes, dtype=dtype).reshape(-1, 4)
    return boxes, torch.tensor(labels, dtype=torch.int64)


def random_objects(n, seed, height=32, width=48):
    """Boxes with corners anywhere on a map, (n, 4)."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(n, 2, 2, generator=generator) * torch.tensor([width, height])
    return points.sort(1).values.flatten(1)


def random_map(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def random_rois(k, images, height, width, seed=0, dtype=torch.float32):
    """Boxes that may reach a good deal beyond a map of this size."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(k, 2, 2, generator=generator).sort(dim=1).values
    size = torch.tensor([width, height])
    boxes = (corners * (size + 8) - 4).flatten(1)
    image = torch.randint(0, images, (k, 1), generator=generator)
    return torch.cat([image, boxes], 1).to(dtype)
