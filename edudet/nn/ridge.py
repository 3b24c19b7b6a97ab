"""Ridge regression: linear, with a price for large weights, solved in one step.

    least      sum of |t - W x - b|^2 + strength * |W|^2
    solution   W = (sum of x~ x~^T + strength I)^-1  sum of x~ t~^T,     b = mean t - W mean x

where x~ and t~ are x and t less their means. Only sums over the examples are needed, so they pass
by one image at a time and none is kept. R-CNN (Girshick et al., 2014, appendix C) moves its boxes
so, with four numbers t for each class and a strength of 1000.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from edudet import check
from edudet.nn.linear_svm import norm_scale

Examples = tuple[Tensor, Tensor, Tensor]  # of an image: (K, D), (K, 4), (K,)


class RidgeSums:
    """The sums of D features and T numbers of examples that pass by, in float64."""

    def __init__(self, num_features: int, num_targets: int = 4):
        self.num = 0
        self.x = torch.zeros(num_features, dtype=torch.float64)
        self.t = torch.zeros(num_targets, dtype=torch.float64)
        self.xx = torch.zeros(num_features, num_features, dtype=torch.float64)
        self.xt = torch.zeros(num_features, num_targets, dtype=torch.float64)

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Take in examples: (N, D) and (N, T) float; N may be 0."""
        if features.ndim != 2 or targets.ndim != 2 or len(features) != len(targets):
            raise ValueError(
                "RidgeSums.add: features and targets must have shapes (N, D) and (N, T), "
                f"got {tuple(features.shape)} and {tuple(targets.shape)}"
            )
        x, t = features.detach().double().cpu(), targets.detach().double().cpu()
        self.num += len(x)
        self.x += x.sum(0)
        self.t += t.sum(0)
        self.xx += x.T @ x
        self.xt += x.T @ t

    def solve(self, strength: float = 1000.0) -> tuple[Tensor, Tensor]:
        """Return W (T, D) and b (T,), float64; zeros if no example has passed by."""
        check.positive("RidgeSums.solve", strength=strength)
        if self.num == 0:
            return torch.zeros_like(self.xt).T, torch.zeros_like(self.t)
        mean_x, mean_t = self.x / self.num, self.t / self.num
        square = self.xx - self.num * mean_x.outer(mean_x)                 # (D, D)
        square.diagonal().add_(strength)
        mixed = self.xt - self.num * mean_x.outer(mean_t)                  # (D, T)
        weight = torch.linalg.solve(square, mixed, left=True).T            # (T, D)
        return weight, mean_t - weight @ mean_x


class BoxRegressors(nn.Module):
    """Four deltas for each of C classes; none for number 0, background, and before training.

    Its numbers are buffers: they are not trained together with a network, but lie in its state.
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor

    def __init__(self, num_features: int, num_classes: int):
        check.classes("BoxRegressors", num_classes)
        super().__init__()
        self.register_buffer("weight", torch.zeros(4 * num_classes, num_features))
        self.register_buffer("bias", torch.zeros(4 * num_classes))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """(R, D) -> deltas (R, 4 C), class after class."""
        return linear(features * self.scale, self.weight, self.bias)

    @torch.no_grad()
    def fit(self, source: Callable[[], Iterable[Examples]], strength: float = 1000.0) -> None:
        """Solve the regression of each class.

        Args:
            source: when called, goes through all images: features (K, D), the deltas (K, 4) that
                move each to its object, and the labels of these (K,).
            strength: the price of large weights, for features of mean norm 20.
        """
        self.scale.copy_(norm_scale(features for features, _, _ in source()))
        sums = [RidgeSums(self.weight.shape[1]) for _ in range(len(self.bias) // 4)]
        for features, deltas, labels in source():
            scaled = features.to(self.scale) * self.scale                  # (K, D)
            for c in labels.unique().tolist():
                sums[c].add(scaled[labels == c], deltas[labels == c])
        for c, one in enumerate(sums):
            weight, bias = one.solve(strength)                             # (4, D), (4,)
            self.weight[4 * c : 4 * c + 4] = weight.to(self.weight)
            self.bias[4 * c : 4 * c + 4] = bias.to(self.bias)
