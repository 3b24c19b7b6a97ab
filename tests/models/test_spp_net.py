"""SPP-net: one map for all proposals, a pyramid of maxima, convolutions that stay as they are."""

import pytest
import torch
from models.scene_of_blocks import Blocks, batch

from edudet.models.small import spp_net_small
from edudet.models.two_stage.spp_net import PyramidPool


@pytest.fixture
def model():
    torch.manual_seed(0)
    return spp_net_small(3)


def test_pyramid_by_hand():
    """Cells 0 to 63 in rows of 8, stride 2. A box on cells 0 to 3 of both directions."""
    cells = torch.arange(64.0).reshape(1, 1, 8, 8)
    boxes = [torch.tensor([[0.0, 0, 6, 6]])]
    pooled = PyramidPool((2, 1), 0, 2)([cells], boxes, [(16, 16)])
    assert pooled.tolist() == [[9, 11, 25, 27, 27]]


def test_every_size_gives_as_many_numbers():
    maps = [torch.rand(1, 3, 16, 16)]
    boxes = [torch.tensor([[0.0, 0, 4, 4], [0, 0, 128, 128], [30, 50, 100, 60]])]
    pooled = PyramidPool((4, 2, 1), 0, 8)(maps, boxes, [(128, 128)])
    assert pooled.shape == (3, 63)
    # The coarsest level is the largest of all: of 16 bins, of 4.
    torch.testing.assert_close(pooled[:, 60:], pooled[:, :48].unflatten(1, (3, 16)).amax(2))
    torch.testing.assert_close(pooled[:, 60:], pooled[:, 48:60].unflatten(1, (3, 4)).amax(2))


def test_step_1_needs_no_proposals_and_trains_everything(model):
    images, targets = batch(2, proposals=0)
    keep = {}
    losses = model.train()(images, targets, keep=keep)
    assert losses.keys() == {"loss_classifier"}
    assert all(torch.equal(a, t["boxes"]) for a, t in zip(keep["rois"], targets, strict=True))
    losses["loss_classifier"].backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert model.backbone.body.stem.weight.grad.abs().sum() > 0


def test_afterwards_the_convolutions_are_frozen(model):
    model.train().begin_fine_tuning()
    assert not model.backbone.training and model.box_branch.training
    images, targets = batch(2)
    model(images, targets)["loss_classifier"].backward()
    assert all(parameter.grad is None for parameter in model.backbone.parameters())
    assert all(parameter.grad is not None for parameter in model.box_branch.parameters())


def test_fine_tuning_from_the_disk(model, tmp_path):
    model.begin_fine_tuning()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    cache = model.cache_features(Blocks(), tmp_path)
    losses = model.fine_tune(cache, iterations=20, images=3)
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    changed = {
        name.split(".")[0] + "." + name.split(".")[1]
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"box_branch.head", "box_branch.predictor"}


def test_a_drawn_sample(model, tmp_path):
    cache = model.cache_features(Blocks(), tmp_path)
    regions, branch = cache[1], model.box_branch
    branch.batch_size_per_image = 8
    numbers = torch.arange(len(regions.boxes), dtype=torch.float16)
    regions = regions._replace(pool5=numbers[:, None])  # features that tell who they are
    features, labels = model._drawn(regions, torch.Generator().manual_seed(0))
    assert len(labels) == 8 and (labels > 0).sum() == 2
    best, gt = regions.best_objects()
    for row, label in zip(features[:, 0].long(), labels, strict=True):
        assert label == (regions.gt_labels[gt[row]] if best[row] >= 0.5 else 0)


def test_from_training_to_detections(model, monkeypatch):
    fine_tune = model.fine_tune
    monkeypatch.setattr(model, "fine_tune", lambda cache: fine_tune(cache, 15, 3))
    images, targets = batch(4)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    model.train()
    for _ in range(4):
        optimizer.zero_grad()
        model(images, targets)["loss_classifier"].backward()
        optimizer.step()
    model.finish(Blocks())
    image, target = Blocks()[1]
    keep = {}
    with torch.no_grad():
        [found] = model.eval()([image], [{"proposals": target["proposals"]}], keep=keep)
    assert keep["pool5"].shape == (24, 64 * 21) and keep["fc7"].shape == (24, 256)
    assert found["labels"][0] in target["labels"] and (found["scores"].diff() <= 0).all()
