"""A classifier of whole images: what a backbone has found, wherever it is, and a linear layer.

    image -> maps (D, h, w) -> mean over all places (D,) -> linear -> a logit for each class

Since the mean is taken of places alike, the linear layer says of each single place, too, how much
it speaks for a class (Zhou et al., 2016; Lin et al., "Network in network", 2014).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edudet import check
from edudet.data.target import Target, check_number, checked


class Classifier(nn.Module):
    """Images to classes 1 to C.

    Args:
        prepare: list of images (3, H, W) -> one tensor (N, K, h, w).
        backbone: (N, K, h, w) -> maps (N, D, ...).
        num_features: D.
        num_classes: C; there is no background.
    """

    def __init__(
        self, prepare: nn.Module, backbone: nn.Module, num_features: int, num_classes: int
    ):
        super().__init__()
        check.is_int("Classifier", num_classes=num_classes)
        check.positive("Classifier", num_classes=num_classes)
        self.prepare, self.backbone = prepare, backbone
        self.linear = nn.Linear(num_features, num_classes)

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Target] | None = None,
        keep: dict[str, Any] | None = None,
    ) -> Any:
        """Training: {"loss_class"}. Evaluation: of each image "labels" (C,) int64, the likeliest
        first, and "scores" (C,), their probabilities.

        Args:
            images: each (3, H, W), float in [0, 1].
            targets: in training, of each image "label", an integer from 1 to C.
            keep: a dictionary that receives "images", "maps" and "logits".
        """
        prepared = self.prepare(images)                                    # (N, K, h, w)
        maps = self.backbone(prepared)                                     # (N, D, h', w')
        logits = self.linear(maps.mean((2, 3)))                            # (N, C)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if keep is not None:
            keep.update(images=prepared, maps=maps, logits=logits)
        if self.training:
            labels = checked_labels(images, targets, logits.shape[1]).to(logits.device)
            return {"loss_class": cross_entropy(logits, labels - 1)}
        scores, order = logits.softmax(1).sort(stable=True, dim=1, descending=True)
        return [
            {"labels": row + 1, "scores": score} for row, score in zip(order, scores, strict=True)
        ]


def checked_labels(
    images: Sequence[Tensor], targets: Sequence[Target] | None, num_classes: int
) -> Tensor:
    """(N,) int64, from 1 to C; or an error."""
    check_number("Classifier", images, targets, "in training")
    labels = []
    for i, target in enumerate(targets or ()):
        name = f"Classifier: targets[{i}]"
        label = int(checked(name, target, needs=("label",))["label"])
        if not 1 <= label <= num_classes:
            raise ValueError(f"{name}['label'] must lie in 1 to {num_classes}, got {label}")
        labels.append(label)
    return torch.tensor(labels)
