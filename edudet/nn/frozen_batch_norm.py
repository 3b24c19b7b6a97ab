"""Batch normalisation with fixed statistics: y = (x - mean) / sqrt(var + eps) * weight + bias.

A detector is trained with one or two images at a time, too few to estimate a mean and a variance
from. So the statistics that the backbone has learnt on ImageNet are kept, as constants.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook


class FrozenBatchNorm2d(nn.Module):
    """`nn.BatchNorm2d` in evaluation mode for ever: nothing here is trained.

    Args:
        num_features: channels C of the input (N, C, H, W).
        eps: added to the variance. Detectors that torchvision has published were trained with 0.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """The whole normalisation as y = x scale + shift, one number of each for a channel."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()        # (C,)
        return scale, self.bias - self.running_mean * scale                # (C,)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift()
        return x * scale[:, None, None] + shift[:, None, None]

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        # nn.BatchNorm2d counts its batches; for fixed statistics the count means nothing.
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


def has_hooks(module: nn.Module) -> bool:
    """Whether anybody is told of what a module gets and gives."""
    return _has_any_global_hook() or any(
        (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks,
         module._backward_pre_hooks)
    )  # fmt: skip


def convolve(conv: nn.Module, norm: nn.Module, x: Tensor) -> Tensor:
    """norm(conv(x)), a frozen norm in place. The caller may write into the result.

    Bit for bit the same, without two more maps to fetch memory for. (To put the factors on the
    weights would save the passes over the pixels, too, but round otherwise.) Where a hook looks at
    one of the two, what it has seen stays as it is.
    """
    if has_hooks(conv) or has_hooks(norm):
        return norm(conv(x)).clone()
    if not isinstance(norm, FrozenBatchNorm2d):
        return norm(conv(x))
    scale, shift = norm.scale_and_shift()
    return conv(x).mul_(scale[:, None, None]).add_(shift[:, None, None])
