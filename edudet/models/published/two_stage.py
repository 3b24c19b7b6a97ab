"""Models that run torchvision's published weights: same arguments, same results.

    model = fasterrcnn_resnet50_fpn(weights="fasterrcnn_resnet50_fpn_coco-258fb6c6.pth")
    load_torchvision_state_dict(model, state_dict)      # or afterwards

torchvision's name of a parameter                ours
    backbone.body.*                              backbone.body.*
    backbone.fpn.inner_blocks.{i}.0.*            backbone.fpn.lateral.{i}.*
    backbone.fpn.layer_blocks.{i}.0.*            backbone.fpn.smooth.{i}.*
    rpn.head.conv.0.0.*                          rpn.head.conv.*
    rpn.head.cls_logits.*, bbox_pred.*           the same
    roi_heads.box_head.*, box_predictor.*        box_branch.head.*, box_branch.predictor.*
    roi_heads.mask_head.{i}.0.*                  mask_head.{2 i}.*
    roi_heads.mask_predictor.*                   mask_predictor.*
    roi_heads.keypoint_head.*, keypoint_predictor.*   the same, without roi_heads

The files of before 2022 lack the ".0" and call the mask head mask_fcn1 ... mask_fcn4: they load as
well. The published COCO weights were trained with a frozen batch normalisation of eps 0: a file
that is given as `weights` sets it so, as in torchvision. For others (torchvision's COCO_LEGACY, or
your own) call `overwrite_eps(model, 1e-5)` afterwards.

Where we differ from torchvision: an IoU of exactly 0.7 is no positive anchor, and an object that
no anchor touches makes none (`match_anchors`); RoIs between `box_bg_iou_thresh` and
`box_fg_iou_thresh` are not supported; an unknown argument is an error; the strides of a small or
oblong image are right (`MultiScaleRoIAlign`). As there, keypoints and their scores are float32 in a
float64 model, too.

On a CPU `model.to(memory_format=torch.channels_last)` is a quarter faster, but then convolutions
add in another order: in float32 the results differ from torchvision's in the last digits.
"""

import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edudet import check
from edudet.models.two_stage.fast_rcnn import BoxBranch, FastRCNNPredictor, TwoMLPHead
from edudet.models.two_stage.faster_rcnn import FasterRCNN, RegionProposalNetwork, RPNHead
from edudet.models.two_stage.keypoint_rcnn import KeypointPredictor, KeypointRCNN
from edudet.models.two_stage.mask_rcnn import MaskPredictor, MaskRCNN
from edudet.nn.conv_head import ConvHead
from edudet.nn.fpn import MultiScaleRoIAlign, PyramidBackbone
from edudet.nn.frozen_batch_norm import FrozenBatchNorm2d
from edudet.nn.resnet import ResNet
from edudet.nn.transform import IMAGENET_MEAN, IMAGENET_STD, Transform
from edudet.proposals import AnchorGenerator

Weights = str | os.PathLike | Mapping[str, Tensor] | None


def fasterrcnn_resnet50_fpn(
    *, weights: Weights = None, progress: bool = True, num_classes: int | None = None,
    weights_backbone: Weights = None, trainable_backbone_layers: int | None = None, **kwargs: Any,
) -> FasterRCNN:
    """Return a Faster R-CNN on ResNet-50 with a pyramid.

    Args:
        weights: a file in torchvision's format (or its state dict); None: random numbers. Nothing
            is downloaded.
        progress: as in torchvision; there is nothing to show.
        num_classes: with background; 91 (COCO's) if None.
        weights_backbone: the same for the ResNet alone.
        trainable_backbone_layers: of the ResNet's five parts, the last so many; 3 if None. Without
            weights all five are trained.
        kwargs: those of torchvision's FasterRCNN: `two_stage_parts`.

    Raises:
        TypeError: an argument that `two_stage_parts` does not know; weights of another type.
        ValueError: `weights` does not fit; the message names the parameter. Or a number of layers
            other than 0 to 5.
        OSError: no such file.
    """
    return _build(
        FasterRCNN, {}, weights, 91 if num_classes is None else num_classes, weights_backbone,
        trainable_backbone_layers, kwargs,
    )


def maskrcnn_resnet50_fpn(
    *, weights: Weights = None, progress: bool = True, num_classes: int | None = None,
    weights_backbone: Weights = None, trainable_backbone_layers: int | None = None,
    mask_roi_pool: nn.Module | None = None, mask_head: nn.Module | None = None,
    mask_predictor: nn.Module | None = None, **kwargs: Any,
) -> MaskRCNN:
    """Return a Mask R-CNN on ResNet-50 with a pyramid.

    Args:
        mask_roi_pool, mask_head, mask_predictor: the parts of `MaskRCNN`, if not the usual ones.
        Others: as for `fasterrcnn_resnet50_fpn`.
    """
    classes = 91 if num_classes is None else num_classes
    branch = {
        "mask_pool": mask_roi_pool or MultiScaleRoIAlign(14, 2),
        "mask_head": ConvHead(256, (256,) * 4) if mask_head is None else mask_head,
        "mask_predictor": mask_predictor or MaskPredictor(256, 256, classes),
    }
    return _build(
        MaskRCNN, branch, weights, classes, weights_backbone, trainable_backbone_layers, kwargs
    )


def keypointrcnn_resnet50_fpn(
    *, weights: Weights = None, progress: bool = True, num_classes: int | None = None,
    num_keypoints: int | None = None, weights_backbone: Weights = None,
    trainable_backbone_layers: int | None = None, keypoint_roi_pool: nn.Module | None = None,
    keypoint_head: nn.Module | None = None, keypoint_predictor: nn.Module | None = None,
    **kwargs: Any,
) -> KeypointRCNN:
    """Return a Keypoint R-CNN on ResNet-50 with a pyramid.

    Args:
        num_classes: with background; 2 (person) if None.
        num_keypoints: 17 (COCO's) if None.
        keypoint_roi_pool, keypoint_head, keypoint_predictor: the parts of `KeypointRCNN`, if not
            the usual ones.
        Others: as for `fasterrcnn_resnet50_fpn`; but `min_size` is one of 640, 672, ..., 800 in
            training, 800 afterwards, if not given.
    """
    joints = 17 if num_keypoints is None else num_keypoints
    branch = {
        "keypoint_pool": keypoint_roi_pool or MultiScaleRoIAlign(14, 2),
        "keypoint_head": ConvHead(256, (512,) * 8) if keypoint_head is None else keypoint_head,
        "keypoint_predictor": keypoint_predictor or KeypointPredictor(512, joints),
    }
    return _build(
        KeypointRCNN, branch, weights, 2 if num_classes is None else num_classes, weights_backbone,
        trainable_backbone_layers, {"min_size": (640, 672, 704, 736, 768, 800)} | kwargs,
    )


def _build(
    model_class: Callable[..., Any], branch: dict[str, nn.Module], weights: Weights,
    num_classes: int, weights_backbone: Weights, trainable: int | None, kwargs: dict[str, Any],
) -> Any:
    check.classes(model_class.__name__, num_classes)
    given = weights is not None or weights_backbone is not None
    # Frozen where weights are given, for their statistics are not to be spoilt by small batches.
    body = ResNet(50, FrozenBatchNorm2d if given else nn.BatchNorm2d)
    if weights is None and weights_backbone is not None:
        state = _read(weights_backbone)
        check_state_dict(model_class.__name__, state)
        _load(body, {k: v for k, v in state.items() if not k.startswith("fc.")})
    if not given and trainable is not None:
        warnings.warn(
            f"trainable_backbone_layers={trainable} has no effect without weights: random layers "
            "are all trained", stacklevel=3,
        )  # fmt: skip
    body.train_last(5 if not given else 3 if trainable is None else trainable)
    backbone = PyramidBackbone(body)
    transform, rpn, box_branch = two_stage_parts(backbone.out_channels, num_classes, **kwargs)
    model = model_class(backbone, transform, rpn, box_branch, **branch)
    if weights is not None:
        load_torchvision_state_dict(model, _read(weights), eps=0.0)
    return model


def two_stage_parts(
    channels: int, num_classes: int, *, min_size: int | Sequence[int] = 800, max_size: int = 1333,
    image_mean: Sequence[float] | None = None, image_std: Sequence[float] | None = None,
    rpn_anchor_generator: AnchorGenerator | None = None, rpn_head: nn.Module | None = None,
    rpn_pre_nms_top_n_train: int = 2000, rpn_pre_nms_top_n_test: int = 1000,
    rpn_post_nms_top_n_train: int = 2000, rpn_post_nms_top_n_test: int = 1000,
    rpn_nms_thresh: float = 0.7, rpn_fg_iou_thresh: float = 0.7, rpn_bg_iou_thresh: float = 0.3,
    rpn_batch_size_per_image: int = 256, rpn_positive_fraction: float = 0.5,
    rpn_score_thresh: float = 0.0, box_roi_pool: MultiScaleRoIAlign | None = None,
    box_head: nn.Module | None = None, box_predictor: nn.Module | None = None,
    box_score_thresh: float = 0.05, box_nms_thresh: float = 0.5, box_detections_per_img: int = 100,
    box_fg_iou_thresh: float = 0.5, box_bg_iou_thresh: float = 0.5,
    box_batch_size_per_image: int = 512, box_positive_fraction: float = 0.25,
    bbox_reg_weights: Sequence[float] | None = None,
) -> tuple[Transform, RegionProposalNetwork, BoxBranch]:
    """Return transform, first and second stage; names and defaults of torchvision's FasterRCNN."""
    if box_bg_iou_thresh != box_fg_iou_thresh:
        raise ValueError(
            "two_stage_parts: box_bg_iou_thresh must equal box_fg_iou_thresh (RoIs between the two "
            f"are not supported), got {box_bg_iou_thresh} and {box_fg_iou_thresh}"
        )
    anchors = rpn_anchor_generator or AnchorGenerator(
        tuple((size,) for size in (32, 64, 128, 256, 512)), (0.5, 1.0, 2.0)
    )
    pool = box_roi_pool or MultiScaleRoIAlign(7, 2)
    if box_head is None:
        box_head = TwoMLPHead(channels * pool.output_size**2)
    rpn = RegionProposalNetwork(
        anchors, rpn_head or RPNHead(channels, anchors.num_anchors_per_location()[0]),
        fg_iou_thresh=rpn_fg_iou_thresh, bg_iou_thresh=rpn_bg_iou_thresh,
        batch_size_per_image=rpn_batch_size_per_image, positive_fraction=rpn_positive_fraction,
        pre_nms_top_n=(rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test),
        post_nms_top_n=(rpn_post_nms_top_n_train, rpn_post_nms_top_n_test),
        nms_thresh=rpn_nms_thresh, score_thresh=rpn_score_thresh,
    )  # fmt: skip
    box_branch = BoxBranch(
        pool, box_head, box_predictor or FastRCNNPredictor(1024, num_classes),
        score_thresh=box_score_thresh, nms_thresh=box_nms_thresh,
        detections_per_img=box_detections_per_img, fg_iou_thresh=box_fg_iou_thresh,
        batch_size_per_image=box_batch_size_per_image, positive_fraction=box_positive_fraction,
        weights=bbox_reg_weights or (10.0, 10.0, 5.0, 5.0),
    )
    transform = Transform(
        min_size, max_size, image_mean or IMAGENET_MEAN, image_std or IMAGENET_STD
    )
    return transform, rpn, box_branch


RENAMED = (
    (r"backbone\.fpn\.inner_blocks\.(\d+)\.(?:0\.)?(weight|bias)", r"backbone.fpn.lateral.\1.\2"),
    (r"backbone\.fpn\.layer_blocks\.(\d+)\.(?:0\.)?(weight|bias)", r"backbone.fpn.smooth.\1.\2"),
    (r"rpn\.head\.conv\.(?:0\.0\.)?(weight|bias)", r"rpn.head.conv.\1"),
    (r"roi_heads\.box_head\.(.*)", r"box_branch.head.\1"),
    (r"roi_heads\.box_predictor\.(.*)", r"box_branch.predictor.\1"),
    (r"roi_heads\.((?:mask_predictor|keypoint_head|keypoint_predictor)\..*)", r"\1"),
)


def our_name(key: str) -> str:
    """Torchvision's name of a parameter -> ours."""
    mask = re.fullmatch(r"roi_heads\.mask_head\.(?:mask_fcn(\d)|(\d)\.0)\.(weight|bias)", key)
    if mask:
        layer = int(mask[1]) - 1 if mask[1] else int(mask[2])
        return f"mask_head.{2 * layer}.{mask[3]}"
    for theirs, ours in RENAMED:
        if re.fullmatch(theirs, key):
            return re.sub(theirs, ours, key)
    return key


THEIR_NAMES = (
    (r"(backbone\.fpn\.)lateral\.(\d+)\.", r"\1inner_blocks.\2.0."),
    (r"(backbone\.fpn\.)smooth\.(\d+)\.", r"\1layer_blocks.\2.0."),
    (r"(rpn\.head\.conv\.)", r"\g<1>0.0."),
    (r"box_branch\.(head|predictor)\.", r"roi_heads.box_\1."),
    (r"mask_head\.(\d+)\.", lambda found: f"roi_heads.mask_head.{int(found[1]) // 2}.0."),
    (r"(mask_predictor|keypoint_head|keypoint_predictor)\.", r"roi_heads.\1."),
)  # fmt: skip


def torchvision_name(key: str) -> str:
    """Our name of a parameter -> torchvision's: what `our_name` undoes."""
    for ours, theirs in THEIR_NAMES:
        if re.match(ours, key):
            return re.sub(ours, theirs, key, count=1)
    return key


def check_state_dict(function: str, state_dict: Any) -> None:
    """Names and tensors, as `state_dict()` gives them; with a hint for what people save instead:
    all of a run, or a model that was wrapped for several devices or compiled."""
    if isinstance(state_dict, nn.Module):
        raise TypeError(f"{function}: state_dict must be names and tensors, got a "
                        f"{type(state_dict).__name__}: pass its state_dict()")  # fmt: skip
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{function}: state_dict must be names and tensors, got "
                        f"{type(state_dict).__name__}")  # fmt: skip
    for name, value in state_dict.items():
        if not isinstance(value, Tensor):
            inside = [key for key, part in state_dict.items()
                      if isinstance(part, Mapping) and any(isinstance(v, Tensor) for v in
                                                           part.values())]  # fmt: skip
            question = f": is it state_dict[{inside[0]!r}]?" if inside else ""
            raise TypeError(f"{function}: state_dict must be names and tensors, got "
                            f"{type(value).__name__} for {name!r}{question}")  # fmt: skip
    for prefix, maker in (("module.", "DataParallel"), ("_orig_mod.", "torch.compile")):
        if state_dict and all(name.startswith(prefix) for name in state_dict):
            raise ValueError(
                f"{function}: state_dict must have the names of the model itself, got all of them "
                f"behind {prefix!r}, which {maker} puts there: take it off, {{name.removeprefix("
                f"{prefix!r}): value for name, value in state_dict.items()}}"
            )


def load_torchvision_state_dict(
    model: nn.Module, state_dict: Mapping[str, Tensor], eps: float | None = None
) -> None:
    """Copy weights of torchvision's model into ours, in place.

    Args:
        model: of one of the functions above, or built of the same parts.
        state_dict: torchvision's; names as in the table above.
        eps: set the eps of all batch normalisations: 0 for the published COCO weights. A state dict
            does not tell it. None: leave it.

    Raises:
        TypeError: something else than names and tensors, such as a whole checkpoint.
        ValueError: a parameter is missing, unknown or of another shape; the first of each kind is
            named. The model is then unchanged.
    """
    check_state_dict("load_torchvision_state_dict", state_dict)
    _load(model, {our_name(key): value for key, value in state_dict.items()},
          {our_name(key): key for key in state_dict})  # fmt: skip
    if eps is not None:
        overwrite_eps(model, eps)


def overwrite_eps(model: nn.Module, eps: float) -> None:
    """Set the eps of every batch normalisation of the model."""
    for module in model.modules():
        if isinstance(module, (FrozenBatchNorm2d, nn.BatchNorm2d)):
            module.eps = eps


def _load(
    model: nn.Module, found: dict[str, Tensor], names: Mapping[str, str] | None = None
) -> None:
    wanted, names, faults = model.state_dict(), names or {}, []
    found = {key: value for key, value in found.items()
             if key in wanted or not key.endswith("num_batches_tracked")}  # fmt: skip
    missing = [torchvision_name(k) for k in wanted
               if k not in found and not k.endswith("num_batches_tracked")]  # fmt: skip
    unknown = [names.get(k, k) for k in found if k not in wanted]
    for kind, keys in (("lacks", missing), ("has the unknown", unknown)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            faults.append(f"{kind} {keys[0]}{more}")
    for key, value in found.items():
        if key in wanted and value.shape != wanted[key].shape:
            faults.append(
                f"has {names.get(key, key)} of shape {tuple(value.shape)} in place of "
                f"{tuple(wanted[key].shape)}: another number of classes?"
            )
            break
    if faults:
        raise ValueError(
            f"load_torchvision_state_dict: state_dict must fit {type(model).__name__}, but it "
            + "; it ".join(faults)
        )
    model.load_state_dict(found, strict=False)


def _read(weights: Weights) -> Mapping[str, Any]:
    if isinstance(weights, Mapping):
        return weights
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            f"weights must be the path of a file or a state dict (nothing is downloaded), "
            f"got {weights!r}"
        )
    if weights in ("DEFAULT", "COCO_V1", "COCO_LEGACY", "IMAGENET1K_V1", "IMAGENET1K_V2"):
        raise ValueError(
            f"weights must be the path of a file or a state dict (nothing is downloaded), "
            f"got {weights!r}: fetch the file that torchvision names for it"
        )
    return torch.load(weights, map_location="cpu", weights_only=True)
