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
