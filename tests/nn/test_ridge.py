"""Ridge regression from sums: scikit-learn's solution, without keeping an example."""

import numpy as np
import pytest
import torch

from edudet.nn.ridge import BoxRegressors, RidgeSums


@pytest.mark.parametrize("strength", [0.1, 1000.0])
def test_solution_of_scikit_learn(strength):
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(80, 7, generator=generator) + 3
    targets = features @ torch.randn(7, 4, generator=generator) + 1
    sums = RidgeSums(7)
    for part in (slice(0, 30), slice(30, 30), slice(30, 80)):
        sums.add(features[part], targets[part])
    weight, bias = sums.solve(strength)
    peer = linear_model.Ridge(alpha=strength)
    peer.fit(features.double().numpy(), targets.double().numpy())
    np.testing.assert_allclose(weight, peer.coef_, atol=1e-9)
    np.testing.assert_allclose(bias, peer.intercept_, atol=1e-8)


def test_by_hand():
    """x = -1, 1 and t = 0, 4: mean 2, slope 4 / (2 + strength)."""
    sums = RidgeSums(1, 1)
    sums.add(torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.0], [4.0]]))
    weight, bias = sums.solve(2.0)
    assert weight.item() == 1 and bias.item() == 2


def test_classes_apart_and_a_class_without_examples():
    def source():
        features = torch.tensor([[3.0, 4.0], [0.0, 5.0], [4.0, 3.0]])
        deltas = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 7, 0, 0]])
        yield features, deltas, torch.tensor([1, 1, 3])
        yield features[:0], deltas[:0], torch.tensor([], dtype=torch.int64)

    regressors = BoxRegressors(2, 4)
    regressors.fit(source)
    assert regressors.scale == 4  # norms of 5 become 20
    out = regressors(torch.zeros(1, 2)).reshape(4, 4)
    assert out.tolist() == [[0] * 4, [1, 0, 0, 0], [0] * 4, [0, 7, 0, 0]]


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"RidgeSums.add: .* got \(2, 3\) and \(1, 4\)"):
        RidgeSums(3).add(torch.zeros(2, 3), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="strength must be positive"):
        RidgeSums(3).solve(0.0)
