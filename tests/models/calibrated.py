"""Random weights of torchvision's detectors that nevertheless detect something.

The last layers of an untrained network say nearly the same everywhere, or saturate. Here every
channel of theirs is shifted and scaled to a sensible spread over one batch of photos: many
different scores, none of them 0 or 1, boxes that move by some pixels.
"""

import pytest
import torch
from torch import nn

SPREADS = {
    "rpn.head.cls_logits": 3.0,
    "rpn.head.bbox_pred": 0.3,
    "roi_heads.box_predictor.cls_score": 2.5,
    "roi_heads.box_predictor.bbox_pred": 1.0,
    "roi_heads.mask_predictor.mask_fcn_logits": 2.0,
    "roi_heads.keypoint_predictor.kps_score_lowres": 2.0,
}


def torchvision_detection():
    return pytest.importorskip(
        "torchvision.models.detection", reason="torchvision, a peer, is not installed"
    )


def photos(*names, rows=None):
    """Photos of scikit-image, (3, H, W) float32 in [0, 1]."""
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    arrays = [getattr(data, name)()[:rows] for name in names]
    return [torch.from_numpy(array.copy()).permute(2, 0, 1) / 255 for array in arrays]


@torch.no_grad()
def calibrate(model, images, seed=0):
    """Change the weights of a model of torchvision in place; it is left in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.uniform_(0.5, 1.5, generator=generator)
            layer.bias.normal_(0, 0.1, generator=generator)
            layer.momentum = 1.0  # the statistics of these images, not of former ones
    model.train()
    model.backbone(model.transform(images)[0].tensors)
    model.eval()
    layers = dict(model.named_modules())
    hooks = [
        layers[name].register_forward_hook(_standardize(spread))
        for name, spread in SPREADS.items()
        if name in layers
    ]
    model(images)
    for hook in hooks:
        hook.remove()


def _standardize(spread):
    seen = []

    def hook(layer, inputs, output):
        if seen:  # the head of the RPN runs on every level: the first decides
            return None
        seen.append(layer)
        others = [d for d in range(output.ndim) if d != 1]
        mean, std = output.mean(others), output.std(others)
        scale = spread / std
        by_channel = [1] * layer.weight.ndim
        by_channel[1 if isinstance(layer, nn.ConvTranspose2d) else 0] = -1
        layer.weight.mul_(scale.view(by_channel))
        layer.bias.sub_(mean).mul_(scale)
        return layer.forward(*inputs)

    return hook
