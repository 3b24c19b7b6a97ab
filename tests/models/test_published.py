import copy
import inspect
import warnings

import pytest
import torch
from models.calibrated import calibrate, photos, torchvision_detection
from torch import nn
from torch.testing import assert_close

from edudet.models.published.two_stage import (
    fasterrcnn_resnet50_fpn,
    keypointrcnn_resnet50_fpn,
    load_torchvision_state_dict,
    maskrcnn_resnet50_fpn,
    our_name,
    overwrite_eps,
    torchvision_name,
)
from edudet.models.two_stage.keypoint_rcnn import KeypointPredictor
from edudet.models.two_stage.mask_rcnn import MaskPredictor
from edudet.nn.conv_head import ConvHead
from edudet.nn.fpn import MultiScaleRoIAlign
from edudet.nn.frozen_batch_norm import FrozenBatchNorm2d
from edudet.nn.resnet import ResNet
from edudet.proposals import AnchorGenerator

MODELS = {
    "fasterrcnn_resnet50_fpn": fasterrcnn_resnet50_fpn,
    "maskrcnn_resnet50_fpn": maskrcnn_resnet50_fpn,
    "keypointrcnn_resnet50_fpn": keypointrcnn_resnet50_fpn,
}
# Few pixels, proposals and detections: the heads of masks and joints cost more than the ResNet.
SMALL = {"min_size": 160, "max_size": 250, "rpn_post_nms_top_n_test": 150}
DETECTIONS = {"f": 60, "m": 12, "k": 6}
PARTS = {
    "fasterrcnn_resnet50_fpn": set(),
    "maskrcnn_resnet50_fpn": {"masks"},
    "keypointrcnn_resnet50_fpn": {"keypoints", "keypoints_scores"},
}
pytestmark = pytest.mark.xdist_group("published")  # the models are made once


@pytest.fixture(scope="module", params=MODELS)
def pair(request):
    """torchvision's model and ours, with the same weights; float32, evaluation mode."""
    detection = torchvision_detection()
    torch.manual_seed(0)
    options = {**SMALL, "box_detections_per_img": DETECTIONS[request.param[0]]}
    theirs = getattr(detection, request.param)(weights=None, weights_backbone=None, **options)
    calibrate(theirs, photos("astronaut", "chelsea"))
    ours = MODELS[request.param](**options).eval()
    load_torchvision_state_dict(ours, theirs.state_dict())
    return request.param, theirs, ours


def answers(model, images, dtype):
    model.to(dtype).eval()
    with torch.no_grad():
        return model([image.to(dtype) for image in images])


def assert_same_detections(ours, theirs, size, dtype, parts):
    """float64: the same detections in the same order, within 1e-6."""
    assert set(ours) == set(theirs) == {"boxes", "labels", "scores", *parts}
    for name, expected in theirs.items():
        assert ours[name].dtype == expected.dtype, name
        assert_close(ours[name], expected, rtol=0, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")
    assert len(theirs["boxes"]) >= 5, "the weights are calibrated so that something is found"
    assert theirs["scores"].unique().numel() == len(theirs["scores"]), "no ties"
    if "masks" in parts:
        assert theirs["masks"].shape == (len(theirs["boxes"]), 1, *size)
        assert ours["masks"].max() > 0.5


BATCHES = {"one": ("rocket",), "two": ("chelsea", "astronaut")}


@pytest.mark.parametrize("batch", BATCHES)
def test_float64_finds_what_torchvision_finds(pair, batch):
    name, theirs, ours = pair
    images = photos(*BATCHES[batch])
    expected = answers(theirs, images, torch.float64)
    found = answers(ours, images, torch.float64)
    assert len(found) == len(expected) == len(images)
    for one, other, image in zip(found, expected, images, strict=True):
        assert_same_detections(one, other, image.shape[-2:], torch.float64, PARTS[name])


def matched(ours, theirs):
    """How many of their boxes have a box of ours of the same class within 1e-2 px."""
    free = torch.ones(len(ours["boxes"]), dtype=torch.bool)
    count = 0
    for box, label in zip(theirs["boxes"], theirs["labels"], strict=True):
        near = (ours["boxes"] - box).abs().amax(1) <= 1e-2
        near &= free & (ours["labels"] == label)
        if near.any():
            free[near.nonzero()[0, 0]] = False
            count += 1
    return count


def test_float32_matches_99_percent_of_torchvision(pair):
    name, theirs, ours = pair
    images = [*photos("coffee", "rocket", "chelsea"), photos("astronaut", rows=200)[0]]
    expected = answers(theirs, images, torch.float32)
    found = answers(ours, images, torch.float32)
    total = sum(len(one["boxes"]) for one in expected)
    same = sum(matched(*both) for both in zip(found, expected, strict=True))
    assert total >= 20 and same >= 0.99 * total, f"{same} of {total}"
    assert abs(total - sum(len(one["boxes"]) for one in found)) <= 0.01 * total
    for one, other in zip(found, expected, strict=True):
        assert set(one) == {"boxes", "labels", "scores", *PARTS[name]}
        assert {k: v.dtype for k, v in one.items()} == {k: v.dtype for k, v in other.items()}


def test_nothing_found_has_the_shapes_of_torchvision(pair):
    _, theirs, ours = pair
    thresholds = ours.box_branch.score_thresh, theirs.roi_heads.score_thresh
    ours.box_branch.score_thresh = theirs.roi_heads.score_thresh = 2.0
    try:
        image = photos("chelsea", rows=150)
        expected = answers(theirs, image, torch.float32)[0]
        found = answers(ours, image, torch.float32)[0]
    finally:
        ours.box_branch.score_thresh, theirs.roi_heads.score_thresh = thresholds
    assert {k: (v.shape, v.dtype) for k, v in found.items()} == {
        k: (v.shape, v.dtype) for k, v in expected.items()
    }
    assert len(found["boxes"]) == 0


def target_of(size, count, seed, joints=17):
    """Some objects on an image of a size, with boxes, masks and keypoints."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    corner = torch.rand(count, 2, generator=generator) * 0.5
    sides = 0.1 + 0.4 * torch.rand(count, 2, generator=generator)
    scale = torch.tensor([width, height])
    boxes = torch.cat([corner * scale, (corner + sides) * scale], 1)
    keypoints = torch.rand(count, joints, 3, generator=generator)
    keypoints[..., :2] = boxes[:, None, :2] + keypoints[..., :2] * (sides * scale)[:, None] * 1.1
    keypoints[..., 2] = (keypoints[..., 2] * 3).floor()
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    x1, y1, x2, y2 = boxes[:, :, None, None].unbind(1)
    ellipse = ((x - (x1 + x2) / 2) / (x2 - x1)) ** 2 + ((y - (y1 + y2) / 2) / (y2 - y1)) ** 2
    return {
        "boxes": boxes,
        "labels": torch.ones(count, dtype=torch.int64),
        "masks": ellipse < 0.25,
        "keypoints": keypoints,
    }


def sample_everything(ours, theirs):
    """No draw: all anchors and RoIs count."""
    for stage in (ours.rpn, ours.box_branch):
        stage.batch_size_per_image = 10**6
    for sampler in (theirs.rpn.fg_bg_sampler, theirs.roi_heads.fg_bg_sampler):
        sampler.batch_size_per_image = 10**6
    ours.rpn.pre_nms_top_n = ours.rpn.post_nms_top_n = (10, 10)
    few = {"training": 10, "testing": 10}
    theirs.rpn._pre_nms_top_n = theirs.rpn._post_nms_top_n = few


def test_training_gives_the_losses_and_gradients_of_torchvision(pair):
    """Everything sampled, so that nothing is left to chance; two images, both resized."""
    name, theirs, ours = pair[0], copy.deepcopy(pair[1]), copy.deepcopy(pair[2])
    sample_everything(ours, theirs)
    ours.transform.min_sizes, theirs.transform.min_size = (128,), (128,)
    images = photos("chelsea", "astronaut")
    targets = [target_of(image.shape[-2:], 2 + i, i) for i, image in enumerate(images)]
    losses = []
    for model in (theirs, ours):
        model.double().train()
        # torchvision wants float32 keypoints and masks of 0 and 1
        given = [{**t, "boxes": t["boxes"].double()} for t in targets]
        if model is theirs:
            given = [{**t, "masks": t["masks"].byte()} for t in given]
        losses.append(model([image.double() for image in images], given))
        sum(losses[-1].values()).backward()
    extra = {"maskrcnn_resnet50_fpn": {"loss_mask"}, "keypointrcnn_resnet50_fpn": {"loss_keypoint"}}
    usual = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    assert set(losses[0]) == set(losses[1]) == usual | extra.get(name, set())
    for key, loss in losses[0].items():
        assert loss > 1e-3
        # check_dtype: their objectness is compared in float32, whatever the model.
        assert_close(
            losses[1][key], loss, rtol=0, atol=1e-6, check_dtype=False,
            msg=lambda m, k=key: f"{k}: {m}",
        )  # fmt: skip
    mine = dict(ours.named_parameters())
    for key, parameter in theirs.named_parameters():
        gradient = mine[our_name(key)].grad
        bound = 1e-6 * max(1.0, parameter.grad.abs().max().item())
        assert_close(gradient, parameter.grad, rtol=0, atol=bound, msg=lambda m, k=key: f"{k}: {m}")


@pytest.fixture(scope="module")
def frozen():
    """torchvision's Faster R-CNN as published: statistics fixed."""
    detection = torchvision_detection()
    from torchvision.ops import FrozenBatchNorm2d as TheirFrozen

    torch.manual_seed(1)
    source = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, **SMALL)
    calibrate(source, photos("coffee"))
    theirs = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, **SMALL)
    for name, layer in list(theirs.named_modules()):
        if isinstance(layer, nn.BatchNorm2d):
            parent, _, child = name.rpartition(".")
            setattr(theirs.get_submodule(parent), child, TheirFrozen(layer.num_features))
    state_dict = source.state_dict()
    theirs.load_state_dict({k: v for k, v in state_dict.items() if "num_batches" not in k})
    return theirs.eval(), state_dict


@pytest.mark.parametrize("eps", [0.0, 1e-5])
def test_frozen_statistics_and_their_eps(frozen, eps):
    """The published files want 0. The norm that is folded into the weights is theirs, too."""
    from torchvision.models.detection._utils import overwrite_eps as overwrite_theirs

    theirs, _ = frozen
    overwrite_theirs(theirs, eps)
    ours = fasterrcnn_resnet50_fpn(weights=theirs.state_dict(), **SMALL)
    norms = [layer for layer in ours.modules() if isinstance(layer, FrozenBatchNorm2d)]
    assert len(norms) == 53 and {layer.eps for layer in norms} == {0.0}
    overwrite_eps(ours, eps)
    images = photos("rocket")
    expected = answers(theirs, images, torch.float64)[0]
    found = answers(ours, images, torch.float64)[0]
    assert_same_detections(found, expected, None, torch.float64, set())
    single = answers(theirs, images, torch.float32)[0]
    assert matched(answers(ours, images, torch.float32)[0], single) >= 0.99 * len(single["boxes"])
    overwrite_eps(ours, 1e-5 - eps)
    other = answers(ours, images, torch.float64)[0]
    assert len(other["scores"]) != len(found["scores"]) or not torch.allclose(
        other["scores"], found["scores"], rtol=0, atol=1e-6
    ), "a wrong eps would have passed"


def test_a_counting_batch_norm_loads_into_a_frozen_one_and_back(frozen):
    theirs, with_counts = frozen
    ours = fasterrcnn_resnet50_fpn(weights=with_counts, **SMALL)
    plain = fasterrcnn_resnet50_fpn(**SMALL)
    load_torchvision_state_dict(plain, theirs.state_dict(), eps=0.0)
    assert all(m.eps == 0 for m in plain.modules() if isinstance(m, nn.BatchNorm2d))
    image = photos("chelsea", rows=150)
    found, expected = (answers(m, image, torch.float64)[0] for m in (ours, plain))
    assert_close(found, expected, rtol=0, atol=1e-6)


def old_name(key):
    """The name before 2022 of a parameter of torchvision."""
    for new, old in (
        (".0.weight", ".weight"), (".0.bias", ".bias"),
    ):  # fmt: skip
        if key.startswith("backbone.fpn.") or "mask_head" in key:
            key = key.replace(new, old) if key.endswith(new) else key
    key = key.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
    for i in range(4):
        key = key.replace(f"roi_heads.mask_head.{i}.", f"roi_heads.mask_head.mask_fcn{i + 1}.")
    return key


def test_a_file_of_before_2022_loads(pair, tmp_path):
    name, theirs, ours = pair
    theirs.float()
    state_dict = {old_name(key): value for key, value in theirs.state_dict().items()}
    assert "rpn.head.conv.weight" in state_dict
    assert "backbone.fpn.inner_blocks.3.bias" in state_dict
    assert ("roi_heads.mask_head.mask_fcn4.weight" in state_dict) == name.startswith("mask")
    torch.save(state_dict, tmp_path / "old.pth")
    loaded = MODELS[name](weights=str(tmp_path / "old.pth"), **SMALL)
    expected = ours.float().state_dict()
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, expected[key]), key


def test_every_name_of_torchvision_is_one_of_ours(pair):
    _, theirs, ours = pair
    translated = [our_name(key) for key in theirs.state_dict()]
    assert sorted(translated) == sorted(ours.state_dict())
    back = [torchvision_name(key) for key in ours.state_dict()]
    assert sorted(back) == sorted(theirs.state_dict())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("backbone.body.layer1.0.conv1.weight", "backbone.body.layer1.0.conv1.weight"),
        ("backbone.fpn.inner_blocks.2.0.bias", "backbone.fpn.lateral.2.bias"),
        ("backbone.fpn.layer_blocks.0.weight", "backbone.fpn.smooth.0.weight"),
        ("rpn.head.conv.0.0.weight", "rpn.head.conv.weight"),
        ("rpn.head.cls_logits.bias", "rpn.head.cls_logits.bias"),
        ("roi_heads.box_head.fc6.weight", "box_branch.head.fc6.weight"),
        ("roi_heads.box_predictor.cls_score.bias", "box_branch.predictor.cls_score.bias"),
        ("roi_heads.mask_head.3.0.weight", "mask_head.6.weight"),
        ("roi_heads.mask_head.mask_fcn1.bias", "mask_head.0.bias"),
        ("roi_heads.mask_predictor.conv5_mask.weight", "mask_predictor.conv5_mask.weight"),
        ("roi_heads.keypoint_head.14.bias", "keypoint_head.14.bias"),
        (
            "roi_heads.keypoint_predictor.kps_score_lowres.bias",
            "keypoint_predictor.kps_score_lowres.bias",
        ),
    ],
)
def test_the_table_of_names(theirs, ours):
    assert our_name(theirs) == ours
    of_before_2022 = "mask_fcn" in theirs or "layer_blocks.0.w" in theirs
    assert (torchvision_name(ours) == theirs) is not of_before_2022
    assert our_name(torchvision_name(ours)) == ours


@pytest.fixture(scope="module")
def faster():
    return fasterrcnn_resnet50_fpn(num_classes=3, **SMALL)


FAULTS = {
    "missing": (
        lambda d: d.pop("rpn.head.conv.weight"),
        r"must fit FasterRCNN, but it lacks rpn\.head\.conv\.0\.0\.weight$",
    ),
    "many missing": (
        lambda d: [d.pop(key) for key in list(d) if ".fc" in key],
        r"lacks roi_heads\.box_head\.fc6\.weight and 3 more$",
    ),
    "unknown": (
        lambda d: d.update({"roi_heads.mask_head.0.0.weight": torch.zeros(1)}),
        r"has the unknown roi_heads\.mask_head\.0\.0\.weight$",
    ),
    "another shape": (
        lambda d: d.update({"roi_heads.box_predictor.cls_score.bias": torch.zeros(91)}),
        r"has roi_heads\.box_predictor\.cls_score\.bias of shape \(91,\) in place of \(3,\): "
        "another number of classes",
    ),
    "several": (
        lambda d: (d.pop("rpn.head.conv.weight"), d.update(other=torch.zeros(1))),
        r"lacks rpn\.head\.conv\.0\.0\.weight; it has the unknown other$",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_and_changes_nothing(faster, fault):
    before = {key: value.clone() for key, value in faster.state_dict().items()}
    state_dict = {key: torch.zeros_like(value) for key, value in before.items()}
    change, message = FAULTS[fault]
    change(state_dict)
    if fault == "another shape":
        state_dict.pop("box_branch.predictor.cls_score.bias")
    with pytest.raises(ValueError, match=message):
        load_torchvision_state_dict(faster, state_dict)
    assert all(torch.equal(value, before[k]) for k, value in faster.state_dict().items())


def test_weights_that_are_no_file():
    with pytest.raises(ValueError, match=r"nothing is downloaded.*'COCO_V1'"):
        fasterrcnn_resnet50_fpn(weights="COCO_V1")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        fasterrcnn_resnet50_fpn(weights="none.pth")
    with pytest.raises(TypeError, match="weights must be the path of a file or a state dict"):
        fasterrcnn_resnet50_fpn(weights=True)


def test_weights_of_the_backbone_alone():
    body = ResNet(50, FrozenBatchNorm2d)
    state_dict = {**body.state_dict(), "fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}
    model = fasterrcnn_resnet50_fpn(weights_backbone=state_dict, num_classes=2)
    for key, value in model.backbone.body.state_dict().items():
        assert torch.equal(value, state_dict[key]), key
    assert {m.eps for m in model.modules() if isinstance(m, FrozenBatchNorm2d)} == {1e-5}
    with pytest.raises(ValueError, match=r"must fit ResNet, but it lacks conv1\.weight and"):
        fasterrcnn_resnet50_fpn(weights_backbone={})


@pytest.mark.parametrize("layers", [None, 0, 1, 2, 3, 4, 5])
def test_trained_layers_are_those_of_torchvision(frozen, layers):
    detection = torchvision_detection()
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d as TheirFrozen

    assert detection
    theirs = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=TheirFrozen,
        trainable_layers=3 if layers is None else layers,
    )  # fmt: skip
    ours = ResNet(50, FrozenBatchNorm2d)
    ours.train_last(3 if layers is None else layers)
    expected = {k for k, p in theirs.body.named_parameters() if p.requires_grad}
    assert {k for k, p in ours.named_parameters() if p.requires_grad} == expected


def trained(model):
    return {key.split(".")[2] for key, p in model.named_parameters()
            if key.startswith("backbone.body.") and p.requires_grad}  # fmt: skip


def test_trainable_backbone_layers():
    state_dict = ResNet(50, FrozenBatchNorm2d).state_dict()
    three = fasterrcnn_resnet50_fpn(weights_backbone=state_dict, num_classes=2)
    assert trained(three) == {"layer2", "layer3", "layer4"}
    one = fasterrcnn_resnet50_fpn(
        weights_backbone=state_dict, num_classes=2, trainable_backbone_layers=1
    )
    assert trained(one) == {"layer4"}
    with pytest.warns(UserWarning, match="trainable_backbone_layers=2 has no effect"):
        every = fasterrcnn_resnet50_fpn(trainable_backbone_layers=2, num_classes=2)
    assert trained(every) == {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}
    with pytest.raises(ValueError, match="layers must be 0 to 5, got 6"):
        fasterrcnn_resnet50_fpn(weights_backbone=state_dict, trainable_backbone_layers=6)


@pytest.mark.parametrize("name", MODELS)
def test_arguments_and_defaults_are_those_of_torchvision(name):
    """Every argument of theirs, by name, with its default; those of the class included."""
    detection = torchvision_detection()
    from edudet.models.published.two_stage import two_stage_parts

    theirs = inspect.signature(getattr(detection, name)).parameters
    mine = inspect.signature(MODELS[name]).parameters
    given_apart = {"weights", "weights_backbone"}  # theirs are enumerations
    for key, parameter in theirs.items():
        assert key in mine and parameter.kind == mine[key].kind, key
        assert key in given_apart or parameter.default == mine[key].default, key
    class_name = {"f": "FasterRCNN", "m": "MaskRCNN", "k": "KeypointRCNN"}[name[0]]
    of_class = inspect.signature(getattr(detection, class_name)).parameters
    known = {**mine, **inspect.signature(two_stage_parts).parameters}
    for key, parameter in of_class.items():
        if key not in ("backbone", "kwargs", "num_classes"):
            assert key in known, key
            if (name[0], key) != ("k", "min_size"):  # None: a tuple, here as there
                assert known[key].default == parameter.default, key


def test_keypoints_are_trained_at_the_sizes_of_torchvision():
    detection = torchvision_detection()
    theirs = detection.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    assert keypointrcnn_resnet50_fpn().transform.min_sizes == tuple(theirs.transform.min_size)
    assert keypointrcnn_resnet50_fpn(min_size=300).transform.min_sizes == (300,)


def test_arguments_reach_their_parts():
    model = fasterrcnn_resnet50_fpn(
        num_classes=4, min_size=(200, 300), max_size=500, image_mean=(0.1, 0.2, 0.3),
        image_std=(1, 2, 3),
        rpn_anchor_generator=AnchorGenerator(((16, 24),) * 5, ((1.0,),) * 5),
        rpn_pre_nms_top_n_train=11, rpn_pre_nms_top_n_test=12, rpn_post_nms_top_n_train=13,
        rpn_post_nms_top_n_test=14, rpn_nms_thresh=0.61, rpn_fg_iou_thresh=0.62,
        rpn_bg_iou_thresh=0.22, rpn_batch_size_per_image=15, rpn_positive_fraction=0.16,
        rpn_score_thresh=0.17, box_score_thresh=0.18, box_nms_thresh=0.19,
        box_detections_per_img=20, box_fg_iou_thresh=0.55, box_bg_iou_thresh=0.55,
        box_batch_size_per_image=21, box_positive_fraction=0.23, bbox_reg_weights=(1, 2, 3, 4),
        box_roi_pool=MultiScaleRoIAlign(5, 1),
    )  # fmt: skip
    transform, rpn, box = model.transform, model.rpn, model.box_branch
    assert (transform.min_sizes, transform.max_size) == ((200, 300), 500)
    assert (transform.image_mean, transform.image_std) == ((0.1, 0.2, 0.3), (1, 2, 3))
    assert rpn.head.cls_logits.out_channels == 2
    assert (rpn.pre_nms_top_n, rpn.post_nms_top_n) == ((11, 12), (13, 14))
    assert (rpn.nms_thresh, rpn.fg_iou_thresh, rpn.bg_iou_thresh) == (0.61, 0.62, 0.22)
    assert (rpn.batch_size_per_image, rpn.positive_fraction) == (15, 0.16)
    assert rpn.score_thresh == 0.17
    assert (box.score_thresh, box.nms_thresh, box.detections_per_img) == (0.18, 0.19, 20)
    assert (box.fg_iou_thresh, box.batch_size_per_image) == (0.55, 21)
    assert (box.positive_fraction, box.weights) == (0.23, (1, 2, 3, 4))
    assert box.head.fc6.in_features == 256 * 5 * 5  # follows the pool
    assert box.predictor.bbox_pred.out_features == 16


def test_parts_of_the_branches_can_be_given():
    head, predictor = ConvHead(256, (8,)), MaskPredictor(8, 8, 2)
    masks = maskrcnn_resnet50_fpn(
        num_classes=2, mask_head=head, mask_predictor=predictor,
        mask_roi_pool=MultiScaleRoIAlign(7, 2), **SMALL,
    )  # fmt: skip
    assert masks.mask_head is head and masks.mask_predictor is predictor
    empty, few = nn.Sequential(), KeypointPredictor(256, 5)
    joints = keypointrcnn_resnet50_fpn(keypoint_head=empty, keypoint_predictor=few, **SMALL)
    assert joints.keypoint_head is empty and joints.keypoint_predictor is few
    keep = {}
    with torch.no_grad():
        masks.eval()([torch.rand(3, 64, 96)])
        joints.eval()([torch.rand(3, 64, 96)], keep=keep)
    assert keep["proposals"][0].shape[1] == 4


def test_unknown_and_unsupported_arguments():
    with pytest.raises(TypeError, match="box_scores_thresh"):
        fasterrcnn_resnet50_fpn(box_scores_thresh=0.5)
    with pytest.raises(TypeError, match="pretrained"):
        maskrcnn_resnet50_fpn(pretrained=True)
    with pytest.raises(TypeError, match="positional"):
        keypointrcnn_resnet50_fpn(None)
    with pytest.raises(ValueError, match=r"box_bg_iou_thresh must equal .* got 0\.4 and 0\.5"):
        fasterrcnn_resnet50_fpn(box_bg_iou_thresh=0.4)


def test_nothing_is_said_without_a_reason(faster):
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        faster.eval()([torch.rand(3, 64, 96)])
