"""Boxes as detectors make them, seeded. Each function returns (n, 4) boxes and n scores."""

import torch
from torch import Tensor


def sparse(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Boxes of 8 to 32 px, so widely scattered that few overlap: nearly all are kept."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * 100 * n**0.5
    size = 8 + 24 * torch.rand(n, 2, generator=generator)
    return _boxes(corner, size, generator, device)


def image_like(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Boxes of 8 to 256 px, anywhere in an 800 x 1333 image."""
    generator = torch.Generator().manual_seed(seed)
    size = 8 * 32 ** torch.rand(n, 2, generator=generator)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor([1333.0, 800.0]) - size)
    return _boxes(corner, size, generator, device)


def clustered(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """About 50 boxes around each of n / 50 objects: what a detector says before NMS."""
    generator = torch.Generator().manual_seed(seed)
    objects = max(1, n // 50)
    size = 32 + 96 * torch.rand(objects, 2, generator=generator)
    corner = torch.rand(objects, 2, generator=generator) * 200 * objects**0.5
    which = torch.randint(0, objects, (n,), generator=generator)
    jitter = torch.randn(n, 4, generator=generator) * 0.05
    size, corner = size[which], corner[which]
    return _boxes(corner + jitter[:, :2] * size, size * (1 + jitter[:, 2:]), generator, device)


def _boxes(corner: Tensor, size: Tensor, generator, device: str) -> tuple[Tensor, Tensor]:
    scores = torch.rand(len(corner), generator=generator)
    return torch.cat([corner, corner + size], 1).to(device), scores.to(device)
