"""Boxes as detectors make them, seeded."""

import torch
from torch import Tensor


def image_like(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """(n, 4) boxes of 8 to 256 px spread over an 800 x 1333 image, and their scores."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * torch.tensor([1333.0, 800.0])
    size = 8 * 32 ** torch.rand(n, 2, generator=generator)
    scores = torch.rand(n, generator=generator)
    return torch.cat([corner, corner + size], 1).to(device), scores.to(device)
