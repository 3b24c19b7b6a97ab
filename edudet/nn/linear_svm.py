"""Linear support vector machines, one for each class, trained on the negatives that are hard.

    margin of class c    m = w x + b         an object of the class: m >= 1; none: m <= -1
    least      |w|^2 / 2 + (b / B)^2 / 2 + cost * sum of max(0, 1 - y m)^2       y = 1 or -1

Nearly all of an image's regions show nothing of the class, and nearly all of those are told from it
easily: beyond the margin they change nothing. So only a few random ones are taken first; then the
machine looks at all of them, those that it gets wrong (m > -1) join the examples, and it is trained
again (Felzenszwalb et al., 2010).

R-CNN (Girshick et al., 2014) has the plain hinge max(0, 1 - y m). Its square, liblinear's default,
has a derivative everywhere, so that some ten steps of Newton's method reach the one minimum
(Keerthi and DeCoste, 2005). The numbers are those of R-CNN's program: cost, a weight of 2 for
positives, B = 10, features of mean norm 20.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from edudet import check

FEATURE_NORM = 20.0
Examples = tuple[Tensor, Tensor, Tensor]  # of an image: (R, D), positive (R, C), negative (R, C)


def fit_linear_svm(
    features: Tensor, positive: Tensor, cost: float = 1e-3, positive_weight: float = 2.0,
    bias_scale: float = 10.0,
) -> tuple[Tensor, Tensor]:
    """Return the weights w (D,) and the bias b () that minimise the sum above, in float64.

    Args:
        features: (N, D) float.
        positive: (N,) bool.
        cost: of an example on the wrong side of its margin.
        positive_weight: a positive one costs so many times as much.
        bias_scale: B; the larger, the freer the bias.

    Raises:
        TypeError: an argument is not a tensor or not a number.
        ValueError: shapes or dtypes do not fit; a number is not positive.
    """
    check.is_tensor("fit_linear_svm", features=features, positive=positive)
    check.dtype("fit_linear_svm", check.FLOATS, features=features)
    if features.ndim != 2 or positive.shape != features.shape[:1]:
        raise ValueError(
            "fit_linear_svm: features and positive must have shapes (N, D) and (N,), "
            f"got {tuple(features.shape)} and {tuple(positive.shape)}"
        )
    check.dtype("fit_linear_svm", (torch.bool,), positive=positive)
    check.positive(
        "fit_linear_svm", cost=cost, positive_weight=positive_weight, bias_scale=bias_scale
    )
    constant = features.new_full((len(features), 1), bias_scale)
    x = torch.cat([features.detach(), constant], 1).double()               # (N, D + 1)
    sign = positive.double() * 2 - 1                                       # (N,)
    costs = cost * torch.where(positive, positive_weight, 1.0).double()    # (N,)
    w = _least(x, sign, costs)                                             # (D + 1,)
    return w[:-1], w[-1] * bias_scale


def _least(x: Tensor, sign: Tensor, costs: Tensor) -> Tensor:
    """Newton's method: the sum is quadratic as long as the same examples miss their margin."""

    def misses(w: Tensor) -> Tensor:
        return (1 - sign * (x @ w)).clamp(min=0)                           # (N,)

    def objective(w: Tensor) -> Tensor:
        return w.square().sum() / 2 + (costs * misses(w).square()).sum()

    w = x.new_zeros(x.shape[1])
    first = None
    for _ in range(100):
        miss = misses(w)
        gradient = w - 2 * x.T @ (costs * sign * miss)
        first = first or max(gradient.norm().item(), 1e-30)
        if gradient.norm() <= 1e-10 * first:
            break
        part = x[miss > 0]
        curvature = 2 * (part * costs[miss > 0, None]).T @ part + torch.eye(len(w)).to(x)
        step, size = torch.linalg.solve(curvature, gradient), 1.0
        while objective(w - size * step) > objective(w) - 1e-4 * size * gradient @ step:
            size /= 2  # other examples now miss: the step was too long
            if size < 1e-9:  # no smaller number can be told from rounding
                return w
        w = w - size * step
    return w


class LinearSVMs(nn.Module):
    """C machines, of which number 0, background, is none: its margin is always -2.

    Its numbers are buffers: they are not trained together with a network, but lie in its state.
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    trained: Tensor

    def __init__(self, num_features: int, num_classes: int):
        check.classes("LinearSVMs", num_classes)
        super().__init__()
        self.register_buffer("weight", torch.zeros(num_classes, num_features))
        self.register_buffer("bias", torch.full((num_classes,), -2.0))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("trained", torch.tensor(False))

    def forward(self, features: Tensor) -> Tensor:
        """Return the margins (R, C) of features (R, D).

        Raises:
            RuntimeError: the machines have not been trained.
        """
        if not self.trained:
            raise RuntimeError("LinearSVMs: the machines must be trained before they are asked")
        return linear(features * self.scale, self.weight, self.bias)

    @torch.no_grad()
    def fit(
        self, source: Callable[[], Iterable[Examples]], rounds: int = 2, first: int = 10,
        hardest: int = 50, seed: int = 0,
    ) -> list[int]:
        """Train all machines.

        Args:
            source: when called, goes through all images, the same each time: features (R, D), and
                which of them are positive and which are negative for each class, (R, C) bool.
            rounds: how often all negatives are looked at.
            first: how many random negatives of each image there are in the beginning.
            hardest: how many are taken of each image in each round, at most.
            seed: of that choice.

        Returns:
            How many negatives all classes together had in each training, rounds + 1 numbers. A
            class without a positive example keeps the margin -2: it is never found.
        """
        self.scale.copy_(norm_scale(features for features, _, _ in source()))
        sets = [_Set() for _ in self.bias]
        generator, counts = torch.Generator().manual_seed(seed), []
        for done in range(rounds + 1):
            for image, (features, positive, negative) in enumerate(source()):
                x = features.to(self.scale) * self.scale                   # (R, D)
                negative = negative.to(x.device)
                if done == 0:
                    rank = torch.rand(negative.shape, generator=generator).to(x)
                    limit = first
                else:
                    rank, limit = linear(x, self.weight, self.bias), hardest
                    negative = negative & (rank > -1)
                for c in range(1, len(sets)):
                    rows = _best_rows(rank[:, c], negative[:, c], limit)
                    sets[c].add(x, image, rows, positive[:, c] if done == 0 else None)
            counts.append(sum(len(one.keys) for one in sets))
            self._fit_each(sets)
        self.trained.fill_(True)
        return counts

    def _fit_each(self, sets: list["_Set"]) -> None:
        for c, one in enumerate(sets):
            num_positive = sum(len(part) for part in one.positive)
            if num_positive > 0:
                features = torch.cat(one.positive + one.negative)
                positive = torch.arange(len(features), device=features.device) < num_positive
                w, b = fit_linear_svm(features, positive)
                self.weight[c], self.bias[c] = w.to(self.weight), b.to(self.bias)


class _Set:
    """The examples of one machine, in parts. Each negative is in it once."""

    def __init__(self) -> None:
        self.positive: list[Tensor] = []
        self.negative: list[Tensor] = []
        self.keys: set[tuple[int, int]] = set()

    def add(self, x: Tensor, image: int, rows: Tensor, positive: Tensor | None) -> None:
        fresh = [row for row in rows.tolist() if (image, row) not in self.keys]
        self.keys.update((image, row) for row in fresh)
        self.negative.append(x[fresh])
        if positive is not None:
            self.positive.append(x[positive.to(x.device)])


def _best_rows(rank: Tensor, allowed: Tensor, limit: int) -> Tensor:
    rows = allowed.nonzero()[:, 0]
    return rows[rank[rows].argsort(descending=True, stable=True)[:limit]]


def norm_scale(parts: Iterable[Tensor]) -> Tensor:
    """Return the factor () that brings the mean norm of all features, parts (R, D), to 20."""
    total, count = 0.0, 0
    for features in parts:
        total += features.double().norm(dim=1).sum().item()
        count += len(features)
    return torch.tensor(FEATURE_NORM * count / total if total > 0 else 1.0)
