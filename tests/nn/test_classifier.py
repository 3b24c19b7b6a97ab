"""A classifier: what its loss is, what it answers, what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from edudet.nn.classifier import Classifier


class Stacked(nn.Module):
    def forward(self, images):
        return torch.stack(list(images))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(Stacked(), nn.Conv2d(3, 6, 3), 6, 4)


def images(count=3):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(3, 9, 7, generator=generator) for _ in range(count)]


def test_the_loss_is_cross_entropy_of_labels_from_one(model):
    keep, targets = {}, [{"label": torch.tensor(4)}, {"label": 1}, {"label": np.int64(2)}]
    loss = model(images(), targets, keep)["loss_class"]
    assert_close(loss, cross_entropy(keep["logits"], torch.tensor([3, 0, 1])))
    loss.backward()
    assert all(p.grad.any() for p in model.parameters())


def test_answers(model):
    keep = {}
    found = model.eval()(images(), keep=keep)
    for one, logits in zip(found, keep["logits"], strict=True):
        assert_close(one["scores"].sum(), torch.tensor(1.0))
        assert (one["scores"].diff() <= 0).all()
        assert sorted(one["labels"].tolist()) == [1, 2, 3, 4]
        assert_close(one["scores"], logits.softmax(0)[one["labels"] - 1])


def test_equal_classes_keep_their_order(model):
    nn.init.zeros_(model.linear.weight)
    nn.init.zeros_(model.linear.bias)
    assert model.eval()(images(1))[0]["labels"].tolist() == [1, 2, 3, 4]


def test_the_linear_layer_speaks_of_single_places(model):
    """The logit is the mean over places of what the layer says of each, and its bias."""
    keep = {}
    model.eval()(images(), keep=keep)
    each = torch.einsum("ndhw,cd->nchw", keep["maps"], model.linear.weight)
    assert_close(each.mean((2, 3)) + model.linear.bias, keep["logits"])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (None, "targets must be given for each of the 1 images in training, got none"),
        ([{}, {}], "for each of the 1 images in training, got 2"),
        ([{"labels": torch.tensor([1])}], r"targets\[0\] must have 'label', got labels"),
        ([{"label": 0}], r"targets\[0\]\['label'\] must lie in 1 to 4, got 0"),
        ([{"label": torch.tensor(5)}], r"targets\[0\]\['label'\] must lie in 1 to 4, got 5"),
    ],
)
def test_bad_targets(model, targets, message):
    with pytest.raises(ValueError, match=f"^Classifier: .*{message}"):
        model(images(1), targets)
