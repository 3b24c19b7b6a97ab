"""16-bit numbers are widened to float32, exactly, before they are computed with."""

import torch
from torch import Tensor

HALVES = (torch.float16, torch.bfloat16)


def widen(tensor: Tensor) -> Tensor:
    """Return float16 and bfloat16 as float32; anything else as it is. Gradients flow."""
    return tensor.float() if tensor.dtype in HALVES else tensor
