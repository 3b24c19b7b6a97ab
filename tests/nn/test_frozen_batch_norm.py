"""Batch normalisation that is a constant."""

import pytest
import torch
from models.calibrated import torchvision_detection
from torch import nn
from torch.testing import assert_close

from edudet.nn.frozen_batch_norm import FrozenBatchNorm2d, convolve


def random_norm(make, channels=4, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    norm = make(channels, **options)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        tensor.data.copy_(torch.rand(channels, generator=generator) + 0.5)
    return norm.double().eval()


def random_map(seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64)


def test_by_hand():
    norm = FrozenBatchNorm2d(1, eps=0)
    norm.weight.fill_(3), norm.bias.fill_(5)
    norm.running_mean.fill_(2), norm.running_var.fill_(4)
    assert norm(torch.tensor([[[[2.0, 6.0]]]])).tolist() == [[[[5, 11]]]]  # (6 - 2) / 2 * 3 + 5


@pytest.mark.parametrize("eps", [0, 1e-5, 0.1])
def test_is_batch_norm_in_evaluation_mode(eps):
    plain = random_norm(nn.BatchNorm2d, eps=eps)
    frozen = FrozenBatchNorm2d(4, eps=eps).double()
    frozen.load_state_dict(plain.state_dict())  # with its num_batches_tracked
    frozen.train()
    assert_close(frozen(random_map()), plain(random_map()), rtol=0, atol=1e-12)


def test_is_that_of_torchvision():
    torchvision_detection()
    from torchvision.ops import FrozenBatchNorm2d as Theirs

    ours, theirs = random_norm(FrozenBatchNorm2d), random_norm(Theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys() and ours.eps == theirs.eps
    assert_close(ours(random_map()), theirs(random_map()), rtol=0, atol=0)


def test_nothing_is_trained():
    norm = FrozenBatchNorm2d(4)
    assert not list(norm.parameters())
    before = {k: v.clone() for k, v in norm.state_dict().items()}
    norm.train()(random_map().float() * 7)
    assert all(torch.equal(v, before[k]) for k, v in norm.state_dict().items())


def test_a_missing_number_is_an_error():
    with pytest.raises(RuntimeError, match="running_var"):
        FrozenBatchNorm2d(4).load_state_dict({"weight": torch.ones(4), "bias": torch.ones(4),
                                              "running_mean": torch.ones(4)})  # fmt: skip


@pytest.mark.parametrize("make", [FrozenBatchNorm2d, nn.BatchNorm2d])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"groups": 2}])
def test_convolution_and_norm_in_one(make, options):
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 4, 3, bias=False, **options).double()
    norm, x = random_norm(make), random_map().requires_grad_()
    expected, both = norm(conv(x)), convolve(conv, norm, x)
    assert_close(both, expected, rtol=0, atol=1e-12)
    wanted = torch.autograd.grad(expected.pow(2).sum(), [x, conv.weight])
    assert_close(torch.autograd.grad(both.pow(2).sum(), [x, conv.weight]), wanted)
