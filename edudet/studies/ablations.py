"""What was it good for? One part of a detector is taken away or changed, the rest stays.

    anchors      Faster R-CNN with anchors of one size only
    nms          another threshold of NMS, in a trained Faster R-CNN
    pool         Mask R-CNN with RoIPool in place of RoIAlign
    mining       R-CNN's SVMs without hard negatives, on two networks
    background   Fast R-CNN with background from everywhere, or from near objects only
    alpha        Fast R-CNN's two losses with other weights: L = alpha S + (1 - alpha) R
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from edudet.models.small import fast_rcnn_small, faster_rcnn_small, mask_rcnn_small, rcnn_small
from edudet.proposals import AnchorGenerator
from edudet.studies.variants import Ablation, Panel, Settle, Variant
from edudet.tasks.detection import BOX, MASK
from edudet.training.recipes import RECIPES, SMALL, Recipe

ITERATIONS = 600  # a quarter of a whole training: enough to see a difference
FEW = 500  # training scenes where proposals or features are kept
PRECISION = {"AP": "AP", "AP50": "AP50", "AP75": "AP75"}
BY_SIZE = {"AP": "AP", "AP_small": "AP, objects below 32² pixels", "AP_medium": "AP, larger ones"}


def with_anchors(sizes: Sequence[int], num_classes: int) -> nn.Module:
    """Faster R-CNN with anchors of these sizes on its three maps."""
    model = faster_rcnn_small(num_classes)
    model.rpn.anchor_generator = AnchorGenerator(
        tuple((size,) for size in sizes), (0.5, 1.0, 2.0), strides=(4, 8, 16), offset=0.5,
        rounded=False,
    )  # fmt: skip
    return model


def with_threshold(threshold: float) -> Settle:
    """NMS of the detections at another IoU."""

    def settle(model: Any, dataset: Any, folder: Path) -> dict[str, float]:
        model.box_branch.nms_thresh = threshold
        return {}

    return settle


def of_objects(num_classes: int) -> nn.Module:
    """R-CNN that stays with its first step: the network never sees background."""
    model = rcnn_small(num_classes)
    model.box_branch.step = 1
    return model


def with_mining(rounds: int) -> Settle:
    """R-CNN's last steps, with so many rounds of looking for hard negatives."""

    def settle(model: Any, dataset: Any, folder: Path) -> dict[str, float]:
        cache = model.cache_features(dataset, folder)
        counts = model.train_svms(cache, rounds)
        model.train_regressors(cache)
        return {"negatives": counts[-1]}

    return settle


def unweighted(numbers: dict[str, Any], alpha: float) -> dict[str, float]:
    """S and R: the two losses before they were weighted."""
    return {"S": numbers["loss_classifier"] / alpha, "R": numbers["loss_box_reg"] / (1 - alpha)}


ON_PROPOSALS = Recipe(fast_rcnn_small, "default", BOX, ITERATIONS, 8, 1e-3, SMALL)
ABLATIONS: dict[str, Ablation] = {
    "anchors": Ablation(
        "Faster R-CNN with anchors of one size only",
        "An anchor learns from objects that it overlaps by IoU 0.7, and sees the map of its size: "
        "compare small objects with larger ones.",
        RECIPES["faster_rcnn"],
        (
            Variant("12, 24 and 48 px", faster_rcnn_small),
            *(Variant(f"{a} px alone", partial(with_anchors, (a,) * 3)) for a in (12, 24, 48)),
        ),
        (Panel("on unseen scenes", BY_SIZE),),
    ),
    "nms": Ablation(
        "How much may two detections overlap?",
        "Too low, and neighbours are taken for doubles; too high, and doubles stay, each a false "
        "alarm. Between the two lies a broad plateau: 0.5 is no magic number.",
        RECIPES["faster_rcnn"],
        tuple(
            Variant(f"IoU {t}", faster_rcnn_small, t, with_threshold(t), "detector")
            for t in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
        ),
        (Panel("AP50", {"AP50": "scenes", "crowded AP50": "crowded scenes"}),
         Panel("AP", {"AP": "scenes", "crowded AP": "crowded scenes"})),
        axis="threshold of NMS",
        tests=(("", "default", BOX), ("crowded ", "crowded", BOX)), shipped="faster_rcnn",
    ),
    "pool": Ablation(
        "Mask R-CNN: RoIAlign, or RoIPool, which rounds to cells?",
        "What is half a cell to a class, to a box, to a mask? Compare masks with boxes, and AP75 "
        "with AP50.",
        RECIPES["mask_rcnn"],
        (Variant("RoIAlign", mask_rcnn_small),
         Variant("RoIPool", partial(mask_rcnn_small, pool="max"))),
        (Panel("boxes", {f"box {key}": text for key, text in PRECISION.items()}),
         Panel("masks", {f"mask {key}": text for key, text in PRECISION.items()})),
        tests=(("box ", "default", BOX), ("mask ", "default", MASK)),
    ),
    "mining": Ablation(
        "R-CNN: hard negatives for the SVMs, or for the network?",
        "A network that has seen objects only does not know what looks nearly like one: SVMs that "
        "look for hard negatives gain. Fine-tuned on proposals, it has met them in training, and "
        "little is left for the SVMs to gain.",
        ON_PROPOSALS,
        tuple(
            Variant(f"{network}, {negatives}", model, None, with_mining(rounds), network)
            for network, model in (("fine-tuned", rcnn_small), ("objects only", of_objects))
            for rounds, negatives in ((1, "mined"), (0, "random negatives"))
        ),
        (Panel("on unseen scenes", PRECISION),
         Panel("how many", {"negatives": "negatives of all SVMs"})),
        length=200, proposals=True,
    ),
    "background": Ablation(
        "Fast R-CNN: which proposals are shown as background?",
        "From 0.1 on: none is far from all objects, so all are hard; but nobody says what an empty "
        "place looks like.",
        ON_PROPOSALS,
        (Variant("IoU from 0", fast_rcnn_small),
         *(Variant(f"IoU from {b}", partial(fast_rcnn_small, background_from=b))
           for b in (0.1, 0.3))),
        (Panel("on unseen scenes", PRECISION),),
        length=FEW, proposals=True,
    ),
    "alpha": Ablation(
        "L = α S + (1 − α) R",
        "The loss at the end depends on α by its definition: the least L is not the best "
        "detector. Choose α by another measure.",
        ON_PROPOSALS,
        tuple(
            Variant(f"alpha {a}", partial(fast_rcnn_small, alpha=a), a)
            for a in (0.1, 0.3, 0.5, 0.7, 0.9)
        ),
        (Panel("loss in the last tenth of the steps", {"loss": "L", "S": "S: classes",
                                                       "R": "R: boxes"}),
         Panel("on unseen scenes", PRECISION)),
        axis="α", length=FEW, proposals=True, derived=unweighted,
    ),
}  # fmt: skip
