"""Linear SVMs: the minimum is scikit-learn's, and the hard negatives are those that are hard."""

import numpy as np
import pytest
import torch

from edudet.nn.linear_svm import LinearSVMs, fit_linear_svm, norm_scale


def cloud(n=300, d=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    positive = torch.arange(n) < n // 5
    features = torch.randn(n, d, generator=generator) + 1.2 * positive[:, None]
    return features, positive


@pytest.mark.parametrize("cost", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(("weight", "bias_scale"), [(1.0, 1.0), (2.0, 10.0)])
def test_minimum_of_scikit_learn(cost, weight, bias_scale):
    svm = pytest.importorskip("sklearn.svm")
    features, positive = cloud()
    peer = svm.LinearSVC(
        C=cost, intercept_scaling=bias_scale, class_weight={1: weight, 0: 1.0}, dual=False,
        tol=1e-10, max_iter=100_000,
    )  # fmt: skip
    peer.fit(features.double().numpy(), positive.numpy().astype(int))
    w, b = fit_linear_svm(features, positive, cost, weight, bias_scale)
    np.testing.assert_allclose(w, peer.coef_[0], atol=1e-5)
    np.testing.assert_allclose(b, peer.intercept_[0], atol=1e-5)


def test_by_hand():
    """One feature, examples at 1 and -1: by symmetry b = 0, and w^2/2 + 2 cost (1 - w)^2 is least
    at w = 4 cost / (1 + 4 cost)."""
    features, positive = torch.tensor([[1.0], [-1.0]]), torch.tensor([True, False])
    w, b = fit_linear_svm(features, positive, cost=0.25, positive_weight=1.0)
    assert w.item() == pytest.approx(0.5, abs=1e-8) and b.item() == pytest.approx(0, abs=1e-8)


def images(n=5, rows=60):
    """Feature 0 tells class 1; class 2 has no example."""
    for i in range(n):
        generator = torch.Generator().manual_seed(i)
        features = torch.randn(rows, 4, generator=generator)
        features[:3, 0] += 4
        positive = torch.zeros(rows, 3, dtype=torch.bool)
        positive[:3, 1] = True
        negative = ~positive
        yield features, positive, negative


def test_rounds_add_the_negatives_that_are_hard():
    svms = LinearSVMs(4, 3)
    counts = svms.fit(images, rounds=2, first=4)
    # Class 1 and class 2, 4 of each of 5 images; then some more, and never one twice.
    assert counts[0] == 40 and counts[0] < counts[1] <= counts[2]
    assert counts[2] <= 5 * (57 + 60)
    margins = torch.cat([svms(features) for features, _, _ in images()])
    positive = torch.cat([one for _, one, _ in images()])[:, 1]
    assert margins[positive, 1].min() > margins[~positive, 1].quantile(0.95)
    assert (margins[:, [0, 2]] == -2).all()


def test_enough_rounds_reach_the_minimum_over_all_negatives():
    svms = LinearSVMs(4, 3)
    svms.fit(images, rounds=6, first=4, hardest=60)
    features = torch.cat([one for one, _, _ in images()]) * svms.scale
    positive = torch.cat([one for _, one, _ in images()])[:, 1]
    w, b = fit_linear_svm(features, positive)
    # Negatives beyond the margin have no part in the minimum, so it is nearly the same.
    np.testing.assert_allclose(svms.weight[1], w, atol=0.02)
    np.testing.assert_allclose(svms.bias[1], b, atol=0.02)


def test_mean_norm():
    features = torch.tensor([[3.0, 4.0], [0.0, 15.0]])
    assert norm_scale([features[:1], features[1:]]) == 2
    assert norm_scale([torch.zeros(0, 2)]) == norm_scale([torch.zeros(2, 2)]) == 1


def test_untrained():
    with pytest.raises(RuntimeError, match="LinearSVMs: the machines must be trained"):
        LinearSVMs(4, 3)(torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(2), torch.tensor([True])), ValueError, r"shapes \(N, D\) and \(N,\)"),
        ((torch.zeros(2, 3), torch.tensor([True])), ValueError, r"shapes \(N, D\) and \(N,\)"),
        ((torch.zeros(1, 3), torch.tensor([1])), ValueError, "positive must have dtype bool"),
        ((torch.zeros(1, 3), torch.tensor([True]), 0.0), ValueError, "cost must be positive"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fit_linear_svm(*arguments)
