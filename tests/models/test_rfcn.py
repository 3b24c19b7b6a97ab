"""R-FCN: maps that know their part, a vote, and nothing learnt for each RoI."""

import pytest
import torch
from models.scene_of_blocks import batch, without_objects

from edudet.models.small import rfcn_small
from edudet.models.small.two_stage import CHANNELS, small_backbone, small_rpn, small_transform
from edudet.models.two_stage.rfcn import (
    RFCN,
    PositionSensitiveMaps,
    PositionSensitivePool,
    Vote,
    VotePredictor,
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return rfcn_small(3)


def test_nothing_is_learnt_behind_the_maps(model):
    assert list(model.box_branch.parameters()) == []


def test_losses_reach_every_weight(model):
    images, targets = batch(2)
    losses = model.train()(images, targets)
    assert losses.keys() == {
        "loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg",
    }  # fmt: skip
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and (parameter.grad != 0).any(), name


def test_pool_and_vote_by_hand():
    """Bins of 2 x 2 on a map of stride 2; the map of bin (i, j) of class c is 100 c + 10 i + j."""
    numbers = [100 * c + 10 * i + j for c in range(6) for i in range(2) for j in range(2)]
    maps = torch.tensor(numbers, dtype=torch.float32)[None, :, None, None].expand(1, 24, 8, 8)
    parts = PositionSensitivePool(2, 2)([maps], [torch.tensor([[4.0, 4, 12, 12]])], [(16, 16)])
    assert parts.shape == (1, 6, 2, 2)
    assert parts[0, 3].tolist() == [[300, 301], [310, 311]]
    logits, deltas = VotePredictor()(Vote()(parts))
    assert logits.tolist() == [[5.5, 105.5]]
    assert deltas.tolist() == [[205.5, 305.5, 405.5, 505.5] * 2]


def test_the_last_row_of_the_map_is_read():
    maps = torch.zeros(1, 5 * 1, 4, 4)
    maps[:, :, 3, 3] = 1
    corner = [torch.tensor([[12.0, 12, 16, 16]])]
    assert PositionSensitivePool(1, 4)([maps], corner, [(16, 16)])[0, 0, 0, 0] == 1


def test_a_box_that_is_off_gets_fewer_votes():
    """An object on cells 2 to 5 of 8: each quarter lights up its own map."""
    maps = torch.zeros(1, 4 + 4 * 4, 8, 8)
    for i in range(2):
        for j in range(2):
            maps[0, 2 * i + j, 2 + 2 * i : 4 + 2 * i, 2 + 2 * j : 4 + 2 * j] = 1
    boxes = [torch.tensor([[2.0, 2, 6, 6], [4, 2, 8, 6], [0, 0, 4, 4]])]
    votes = Vote()(PositionSensitivePool(2, 1)([maps], boxes, [(8, 8)]))[:, 0]
    # Moved by half its width, no bin lies on its own part. Moved by half in both directions: none.
    assert votes.tolist() == [1, 0, 0]


def test_intermediates_and_detections(model):
    images, _ = batch(2)
    keep = {}
    with torch.no_grad():
        found = model.eval()(images, keep=keep)
    assert keep["position_maps"].shape == (2, 25 * (3 + 4), 16, 16)
    num_rois = sum(len(boxes) for boxes in keep["proposals"])
    assert keep["roi_features"].shape == (num_rois, 7, 5, 5)
    torch.testing.assert_close(keep["class_logits"], keep["roi_features"][:, :3].mean((2, 3)))
    for one in found:
        assert len(one["boxes"]) == len(one["labels"]) == len(one["scores"]) > 0


def test_an_image_without_objects(model):
    images, targets = batch(2)
    losses = model.train()(images, [without_objects(target) for target in targets])
    assert all(loss.isfinite() for loss in losses.values()) and losses["loss_box_reg"] == 0


def test_bins_that_do_not_fit():
    with pytest.raises(ValueError, match="RFCN: bins must be that of position_maps, 3, got 2"):
        RFCN(
            small_backbone(), small_transform(), small_rpn(),
            PositionSensitiveMaps(CHANNELS, 3, 3), 2,
        )  # fmt: skip
