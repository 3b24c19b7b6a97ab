import torch

from edudet.nn.conv_head import ConvHead


def test_keeps_the_size_of_the_roi():
    head = ConvHead(3, (8, 5))
    assert head(torch.rand(4, 3, 14, 14)).shape == (4, 5, 14, 14)
    assert head(torch.rand(0, 3, 14, 14)).shape == (0, 5, 14, 14)
    assert [name for name, _ in head.named_parameters()] == [
        "0.weight", "0.bias", "2.weight", "2.bias"
    ]  # fmt: skip
    assert head(torch.randn(2, 3, 4, 4)).min() == 0
    assert not head[0].bias.any() and head[0].weight.any()


def test_holes_widen_what_a_bin_sees():
    """Dilations 2, 4 and 1: 7 bins to each side. A change farther off changes nothing."""
    head = ConvHead(1, (4, 4, 4), (2, 4, 1)).double()
    for parameter in head.parameters():
        parameter.data.abs_()  # else no ReLU would lead from some bin to the middle
    x = torch.rand(1, 1, 21, 21, dtype=torch.float64, requires_grad=True)
    out = head(x)
    assert out.shape == (1, 4, 21, 21)
    out[0, :, 10, 10].sum().backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero()[:, 0]
    assert (rows.min(), rows.max()) == (3, 17)
