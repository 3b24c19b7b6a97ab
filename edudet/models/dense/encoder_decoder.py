"""A class for every pixel: an encoder makes maps, fine to coarse; a decoder goes back to the image.

    FCN     1x1 scores of every map; the coarse ones are enlarged and added to the finer

             stride 16  ->  1x1  ->  x2
                                      +   = FCN-16
             stride  8  ->  1x1  ----/     x2
                                            +  = FCN-8, then x4 to the image's size
             stride  4  ->  1x1  ----------/

From the coarsest map alone (FCN-32) the answer is blurred: it knows what there is, not where it
ends. Long, Shelhamer and Darrell, 2015. Enlarging is a transposed convolution that begins as
bilinear interpolation and learns from there.

A decoder is a module (maps, size) -> logits (N, C, height, width). Decoders differ in what is added
to what, and in nothing else.

Where we differ from the paper: the encoder ends at stride 16, so the maps of the "8" lie at strides
4, 8 and 16; it learns from nothing, and all scores with it; convolutions are padded by what they
need, where the paper pads the image by 100 pixels and crops afterwards.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from edudet import check
from edudet.data.target import Size, Target, check_number, checked
from edudet.data.voc import VOID
from edudet.nn.transform import Images, Transform, size_of


def bilinear_kernel(factor: int) -> Tensor:
    """(2 f, 2 f): the weights by which a cell is spread over its surroundings, f times enlarged."""
    away = (torch.arange(2 * factor) + 0.5 - factor).abs() / factor        # (2 f,) from the middle
    return torch.outer(1 - away, 1 - away)


def enlarging(channels: int, factor: int) -> nn.ConvTranspose2d:
    """(N, C, H, W) -> (N, C, f H, f W) for an even f: at first bilinear, each channel for itself.

    At the border zeros are mixed in, as with any padded convolution.
    """
    layer = nn.ConvTranspose2d(channels, channels, 2 * factor, factor, factor // 2, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        for c in range(channels):
            layer.weight[c, c] = bilinear_kernel(factor)
    return layer


def cropped(maps: Tensor, size: Sequence[int]) -> Tensor:
    """The upper left part: half of 75 cells, rounded up, and twice enlarged are 76."""
    return maps[..., : size[0], : size[1]]


class AddedScores(nn.Module):
    """FCN's decoder: FCN-32 of one map, FCN-16 of two, FCN-8 of three.

    Args:
        in_channels: of the maps, fine to coarse, each with half the cells of the one before along
            a side, rounded up.
        num_classes: C, the background included.
        stride: pixels of the image to a cell of the finest map, even.
    """

    def __init__(self, in_channels: Sequence[int], num_classes: int, stride: int):
        super().__init__()
        check.classes("AddedScores", num_classes)
        self.scores = nn.ModuleList(nn.Conv2d(c, num_classes, 1) for c in in_channels)
        self.twice = nn.ModuleList(enlarging(num_classes, 2) for _ in in_channels[1:])
        self.to_image = enlarging(num_classes, stride)

    def forward(self, maps: Sequence[Tensor], size: Size) -> Tensor:
        total = self.scores[-1](maps[-1])                                  # (N, C, H_l, W_l)
        for level in range(len(maps) - 2, -1, -1):
            scores = self.scores[level](maps[level])
            total = scores + cropped(self.twice[level](total), scores.shape[-2:])
        return cropped(self.to_image(total), size)                         # (N, C, height, width)


class EncoderDecoder(nn.Module):
    """Semantic segmentation.

    Args:
        transform: resizes and normalises.
        encoder: images (N, 3, H, W) -> list of maps.
        decoder: (maps, (H, W)) -> logits (N, C, H, W).
    """

    def __init__(self, transform: Transform, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.transform, self.encoder, self.decoder = transform, encoder, decoder

    def forward(
        self, images: Images, targets: Sequence[Target] | None = None,
        keep: dict[str, Any] | None = None,
    ) -> Any:
        """Training: {"loss_semantic"}. Evaluation: of each image "semantic" (H, W) int64, the class
        of every pixel, and "scores" (H, W), its probability.

        Args:
            images: each (3, H, W), float in [0, 1]; or a batch (N, 3, H, W).
            targets: in training, of each image "semantic" (H, W), integer: classes 0 to C - 1, and
                255 where nobody knows, which teaches nothing. Not looked at in evaluation.
            keep: a dictionary that receives "batch", "maps" and "logits".
        """
        name = type(self).__name__
        images = self.transform.checked(name, images)
        batch = self.transform(images, _checked(name, images, targets) if self.training else ())
        maps = self.encoder(batch.images)                                  # each (N, C_l, H_l, W_l)
        logits = self.decoder(maps, size_of(batch.images))                 # (N, C, H, W)
        if keep is not None:
            keep.update(batch=batch, maps=maps, logits=logits)
        if self.training:
            truth = self._truth(batch.targets, logits)
            return {"loss_semantic": semantic_loss(logits, truth)}
        return [
            _called(one, size, size_of(image))
            for one, size, image in zip(logits, batch.sizes, images, strict=True)
        ]

    def _truth(self, targets: Sequence[Target], logits: Tensor) -> Tensor:
        """(N, H, W) int64; what lies beside an image is void."""
        count, num_classes, height, width = logits.shape
        truth = torch.full((count, height, width), VOID, device=logits.device)
        for i, target in enumerate(targets):
            labels = target["semantic"].to(truth)
            truth[i, : labels.shape[0], : labels.shape[1]] = labels
            wrong = ((labels < 0) | (labels >= num_classes)) & (labels != VOID)
            for label in labels[wrong][:1].tolist():
                raise ValueError(
                    f"{type(self).__name__}: targets[{i}]['semantic'] must lie in 0 to "
                    f"{num_classes - 1}, or be {VOID} where nobody knows, got {label}"
                )
        return truth


def _checked(
    name: str, images: Sequence[Tensor], targets: Sequence[Target] | None
) -> list[Target]:
    check_number(name, images, targets, "in training")
    return [
        checked(f"{name}: targets[{i}]", target, size_of(image), needs=("semantic",),
                device=image.device)
        for i, (image, target) in enumerate(zip(images, targets or (), strict=True))
    ]  # fmt: skip


def semantic_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of (N, C, H, W) and (N, H, W) int64: over the pixels of an image that are not
    void the mean, and of these means the mean; 0 of an image of which nothing is known."""
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))    # sums of many pixels
    losses = cross_entropy(exact, labels, ignore_index=VOID, reduction="none")  # (N, H, W)
    known = (labels != VOID).sum((1, 2)).clamp(min=1)
    return (losses.sum((1, 2)) / known).mean()


def _called(logits: Tensor, size: Size, of_image: Size) -> dict[str, Tensor]:
    logits = cropped(logits, size)[None]                                   # (1, C, h, w)
    if size != of_image:
        logits = interpolate(logits, of_image, mode="bilinear", align_corners=False)
    exact = logits[0].to(torch.promote_types(logits.dtype, torch.float32))
    scores, labels = exact.softmax(0).max(0)                               # (H, W)
    return {"semantic": labels, "scores": scores}
