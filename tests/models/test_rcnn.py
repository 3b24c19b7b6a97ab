"""R-CNN: its five steps, one after the other."""

import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from models.scene_of_blocks import Blocks, batch, without_objects
from torch import nn

from edudet.boxes import encode_deltas
from edudet.data.proposals import SelectiveSearch
from edudet.models.small import rcnn_small
from edudet.models.small.two_stage import small_transform
from edudet.models.two_stage.rcnn import RCNN, Crops, SvmBranch, Warp, warp
from edudet.ops import box_iou


class Colours(nn.Module):
    """A network that is understood: mean colours of the four quarters of a crop."""

    def forward(self, crops):
        return [nn.functional.adaptive_avg_pool2d(crops, 2)]


def small():
    torch.manual_seed(0)
    branch = SvmBranch(
        Warp(16), Crops(Colours()), nn.Identity(), 12, 12, 3, chunk=10, batch_size_per_image=12
    )
    return RCNN(small_transform(), branch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    model = small()
    cache = model.cache_features(Blocks(), tmp_path_factory.mktemp("features"))
    model.train_svms(cache)
    model.train_regressors(cache)
    return model.eval(), cache


# The warp


def test_a_box_of_the_crop_s_size_is_the_image_itself():
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = torch.tensor([[0.0, 0, 8, 8]])
    torch.testing.assert_close(warp(image, whole, 8, 0)[0], image)
    # Two pixels of context on each side of a crop of 8: the middle 4 x 4 show the box.
    inner = torch.tensor([[2.0, 2, 6, 6]])
    torch.testing.assert_close(warp(image, inner, 8, 2)[0], image)


def test_outside_the_image_there_is_nothing():
    image = torch.ones(1, 8, 8)
    crop = warp(image, torch.tensor([[0.0, 0, 4, 4]]), 8, 2)[0, 0]
    expected = torch.zeros(8, 8)
    expected[2:, 2:] = 1
    torch.testing.assert_close(crop, expected)


def test_both_directions_are_stretched():
    """A ramp stays a ramp: 4 x 2 pixels onto 2 x 4; a crop's pixel (y, x) has its centre at image
    y = 2 y + 1, x = (x + 0.5) / 2."""
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    ramps = torch.stack([x, y]) + 0.5
    crop = warp(ramps, torch.tensor([[2.0, 2, 4, 6], [2, 2, 4, 6]]), 2, 0)
    assert crop.shape == (2, 2, 2, 2) and torch.equal(crop[0], crop[1])
    assert crop[0, 0].tolist() == [[2.5, 3.5], [2.5, 3.5]]
    assert crop[0, 1].tolist() == [[3, 3], [5, 5]]


def test_a_large_box_is_averaged_not_skipped_through():
    checks = (torch.arange(64)[:, None] + torch.arange(64)) % 2 == 0
    crop = warp(checks[None].float(), torch.tensor([[8.0, 8, 56, 56]]), 4, 0)
    torch.testing.assert_close(crop, torch.full((1, 1, 4, 4), 0.5))


def test_no_boxes_and_a_box_without_area():
    image = torch.rand(3, 8, 8)
    assert warp(image, torch.zeros(0, 4), 6, 1).shape == (0, 3, 6, 6)
    assert (warp(image, torch.tensor([[3.0, 3, 3, 7]]), 6, 1) == 0).all()


def test_context_that_leaves_nothing():
    with pytest.raises(ValueError, match=r"warp: context must lie in \[0, 4\), got 4"):
        warp(torch.rand(3, 8, 8), torch.zeros(1, 4), 8, 4)
    assert Warp(32).context == pytest.approx(32 * 16 / 227)


def test_neighbours_in_the_batch_change_no_crop():
    images, _ = batch(1)
    small_image = images[0][:, :40, :48]
    box = torch.tensor([[20.0, 10, 48, 40]])
    pool = Warp(12, 3)
    alone = pool([small_image[None]], [box], [(40, 48)])
    padded = torch.full((1, 3, 64, 64), 9.0)
    padded[0, :, :40, :48] = small_image
    assert torch.equal(pool([padded], [box], [(40, 48)]), alone)


# Steps 1 and 2


def test_step_1_sees_the_objects_and_step_2_proposals():
    model, (images, targets) = small().train(), batch(3)
    model.box_branch.step, keep = 1, {}
    losses = model(images, targets, keep=keep)
    assert losses.keys() == {"loss_classifier"}
    assert all(torch.equal(a, t["boxes"]) for a, t in zip(keep["rois"], targets, strict=True))
    before = model.box_branch.predictor.weight.clone()
    model.begin_fine_tuning()
    assert not torch.equal(before, model.box_branch.predictor.weight)
    model(images, targets, keep=keep)
    for rois, target in zip(keep["rois"], targets, strict=True):
        positive = box_iou(rois, target["boxes"]).amax(1) >= 0.5
        assert len(rois) == 12 and 1 <= positive.sum() <= 3  # a quarter


def test_the_small_network_learns():
    torch.manual_seed(0)
    model, (images, targets) = rcnn_small(3, crop_size=16).train(), batch(3)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)  # 0.05 makes it jump
    history = []
    for _ in range(8):
        loss = model(images, targets)["loss_classifier"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.6 * history[0]


def test_training_without_objects():
    model, (images, targets) = small().train(), batch(2)
    nothing = [without_objects(target) for target in targets]
    assert model(images, nothing)["loss_classifier"].isfinite()
    model.box_branch.step = 1
    assert model(images, nothing)["loss_classifier"] == 0


# Step 3


def test_features_on_disk_are_those_of_the_network(finished):
    _, cache = finished
    image, target = Blocks()[2]
    regions = cache[2]
    assert torch.equal(regions.boxes, torch.cat([target["proposals"], target["boxes"]]))
    crops = warp((image - 0.5) / 0.25, regions.boxes, 16, 16 * 16 / 227)
    expected = Colours()(crops)[0].flatten(1)
    torch.testing.assert_close(regions.pool5.float(), expected, atol=2e-3, rtol=1e-3)
    assert regions.pool5.dtype == torch.float16 and len(cache) == len(list(cache)) == 6


def test_work_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    model, calls = small(), []
    run = model.box_branch.pool5
    monkeypatch.setattr(model.box_branch, "pool5", lambda crops: (calls.append(1), run(crops))[1])

    class Broken(Blocks):
        def __getitem__(self, i):
            if i == 3:
                raise KeyboardInterrupt
            return super().__getitem__(i)

    with pytest.raises(KeyboardInterrupt):
        model.cache_features(Broken(), tmp_path)
    assert len(calls) == 3
    cache = model.cache_features(Blocks(), tmp_path)
    assert len(calls) == len(cache) == 6
    assert len(list(tmp_path.iterdir())) == 6  # and nothing half written


def test_other_weights_other_files(tmp_path):
    torch.manual_seed(0)
    model = rcnn_small(3, crop_size=16)
    first = model.cache_features(Blocks(1), tmp_path).names
    again = model.cache_features(Blocks(1), tmp_path).names
    with torch.no_grad():
        model.box_branch.body.net.stem.weight += 0.1
    other = model.cache_features(Blocks(1), tmp_path).names
    assert first == again and first != other


def test_a_disk_without_room(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    small_disk = usage(10**9, 0, 2**20 + 10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: small_disk)
    with pytest.raises(RuntimeError, match=r"must have room for .* MB more, got 1\.1 MB free"):
        small().cache_features(Blocks(50), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_crowds_are_no_examples(tmp_path):
    class Crowded(Blocks):
        def __getitem__(self, i):
            image, target = super().__getitem__(i)
            return image, {**target, "iscrowd": torch.ones_like(target["iscrowd"])}

    [regions] = small().cache_features(Crowded(1), tmp_path)
    assert len(regions.gt_boxes) == 0 and len(regions.boxes) == 24


# Steps 4 and 5, and all together


def test_regressors_are_those_of_scikit_learn(finished):
    linear_model = pytest.importorskip("sklearn.linear_model")
    model, cache = finished
    scale = model.box_branch.regressors.scale
    assert 0 < scale < np.inf
    for c in (1, 2):
        features, deltas = [], []
        for regions in cache:
            iou = box_iou(regions.boxes[:24], regions.gt_boxes)
            for row in range(24):
                best = int(iou[row].argmax())
                if iou[row, best] >= 0.6 and regions.gt_labels[best] == c:
                    features.append(regions.pool5[row].float() * scale)
                    deltas.append(encode_deltas(regions.gt_boxes[best], regions.boxes[row]))
        assert len(features) > 10
        ridge = linear_model.Ridge(alpha=1000.0)
        ridge.fit(torch.stack(features).double().numpy(), torch.stack(deltas).double().numpy())
        weight = model.box_branch.regressors.weight[4 * c : 4 * c + 4]
        np.testing.assert_allclose(weight, ridge.coef_, atol=1e-6)
        bias = model.box_branch.regressors.bias[4 * c : 4 * c + 4]
        np.testing.assert_allclose(bias, ridge.intercept_, atol=1e-5)


def test_objects_are_found_in_images_not_seen(finished):
    model, _ = finished
    found = 0
    for i in range(6, 12):
        image, target = Blocks(12)[i]
        with torch.no_grad():
            [one] = model([image], [{"proposals": target["proposals"]}])
        assert (one["scores"].diff() <= 0).all() and one["scores"].max() <= 1
        for box, label in zip(target["boxes"], target["labels"], strict=True):
            right = (box_iou(one["boxes"], box[None])[:, 0] > 0.6) & (one["labels"] == label)
            wrong = (box_iou(one["boxes"], box[None])[:, 0] > 0.6) & (one["labels"] == 3 - label)
            best = one["scores"][right].max()
            found += bool(best > 0.5 and (one["scores"][wrong] < best).all())
    assert found == 9  # all of them


def test_everything_lies_in_the_state_dict(finished):
    model, _ = finished
    other = small().eval()
    image, target = Blocks()[0]
    with pytest.raises(RuntimeError, match="LinearSVMs: the machines must be trained"):
        other([image], [target])
    other.load_state_dict(model.state_dict())
    [a], [b] = model([image], [target]), other([image], [target])
    assert all(torch.equal(a[key], b[key]) for key in a) and len(a["boxes"]) > 0


def test_from_an_image_alone(finished):
    """Proposals come from selective search, and the order of a batch changes nothing."""
    model, _ = finished
    images, _ = batch(2)
    with torch.no_grad():
        keep = {}
        first, second = model(images, keep=keep)
        other = model(images[::-1])
    assert torch.equal(keep["rois"][0], SelectiveSearch()(images[0]))
    for a, b in zip((first, second), other[::-1], strict=True):
        assert torch.equal(a["labels"], b["labels"]) and len(a["boxes"]) > 0
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)


def test_no_proposals(finished):
    [found] = finished[0]([Blocks()[0][0]], [{"proposals": torch.zeros(0, 4)}])
    assert found["boxes"].shape == (0, 4) and found["labels"].dtype == torch.int64


def test_finish_is_steps_3_to_5(finished):
    model = small()
    model.finish(Blocks())
    for name, value in finished[0].state_dict().items():
        if "svms" in name or "regressors" in name:
            assert torch.equal(value, model.state_dict()[name]), name
