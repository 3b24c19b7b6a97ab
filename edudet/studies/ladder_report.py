"""What is told of the ladder: the table beside the decks' numbers, and the notes below it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from edudet.proposals import exhaustive_cost
from edudet.studies.rungs import MOST, NUM_SHAPES, Seconds
from edudet.studies.tables import markdown

TITLES = {
    "all": "sliding window, all rectangles", "shapes": "sliding window, 30 shapes a pixel",
    "rcnn": "R-CNN", "sppnet": "SPP-net", "fast_rcnn": "Fast R-CNN", "faster_rcnn": "Faster R-CNN",
}  # fmt: skip
PHOTO = (480, 640)
# What is quoted, for photos, VGG-16 and the machines of 2015; proposals + network. The decks name
# the months, 49 = 2 + 47, and 0.2; the 2.3 and 0.32 of the chart are from Fast R-CNN's Table 4.
DECKS: dict[str, tuple[float, str]] = {
    "all": (exhaustive_cost(PHOTO), "months (274 days: 640 × 480, 1 ms a window)"),
    "shapes": (exhaustive_cost(PHOTO, NUM_SHAPES), "2.6 hours (640 × 480, 1 ms a window)"),
    "rcnn": (49.0, "49 s = 2 + 47"),
    "sppnet": (4.3, "4.3 s = 2 + 2.3"),
    "fast_rcnn": (2.3, "2.3 s = 2 + 0.32"),
    "faster_rcnn": (0.2, "0.2 s"),
}


@dataclass(frozen=True)
class Rung:
    """What was measured of one detector.

    Args:
        name: a key of TITLES.
        regions: how many its heads judge in an image, on average.
        seconds: of an image by stage.
        trained: False: its weights are random.
        sampled: how many windows were judged indeed; 0: all.
        metrics: of `evaluate`; empty if not trained.
    """

    name: str
    regions: float
    seconds: Seconds
    trained: bool
    sampled: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def row(self) -> dict[str, Any]:
        """As a line of the table."""
        return {
            "rung": TITLES[self.name], "regions": round(self.regions), "sampled": self.sampled,
            **self.seconds, "seconds": self.total, "AP": self.metrics.get("AP", ""),
            "AP50": self.metrics.get("AP50", ""), "trained": self.trained,
            "decks_seconds": DECKS[self.name][0],
        }  # fmt: skip


def report(found: Sequence[Rung], counts: dict[str, int], repeats: int) -> str:
    """The table beside the decks' numbers, and all that a reader must know of it."""
    from edudet.draw.studies.ladder import told

    rows = []
    for rung in found:
        parts = {stage: told(seconds) for stage, seconds in rung.seconds.items()}
        precision = {key: rung.metrics.get(key, "not trained") for key in ("AP", "AP50")}
        if rung.sampled:
            precision = dict.fromkeys(precision, "not measured")
            parts |= dict.fromkeys(("proposals", "NMS", "other"), "–")
        rows.append({
            "": TITLES[rung.name], "regions": f"{rung.regions:,.0f}", **parts,
            "seconds an image": told(rung.total), **precision, "in the decks": DECKS[rung.name][1],
        })  # fmt: skip
    return f"# The speed ladder\n\n{markdown(rows)}\n{_notes(found, counts, repeats)}"


def _notes(found: Sequence[Rung], counts: dict[str, int], repeats: int) -> str:
    from edudet.draw.studies.ladder import told

    sampled = next(rung for rung in found if rung.sampled)
    per_window = sampled.total / sampled.regions
    untrained = [TITLES[rung.name] for rung in found if not (rung.trained or rung.sampled)]
    notes = [
        f"Time: {counts['images']} test scenes of {counts['size']} × {counts['size']} pixels, one "
        f"at a time; of each the median of {repeats} runs, and the mean over scenes. The stages "
        f"add up to the whole. Threads: {torch.get_num_threads()}; torch {torch.__version__}, "
        f"{platform.machine()}.",
        f"The sliding window is extrapolated: {sampled.sampled:,} windows, drawn from all "
        f"rectangles, went through R-CNN's network at {told(per_window)} each; features and heads "
        "were multiplied by the number of windows. NMS would come on top.",
        f"Proposals: selective search, at most {MOST} (Faster R-CNN: its own network). NMS: with "
        "the decoding of boxes before it. Other: normalising the image, joining tensors.",
        "One backbone, SmallNet. R-CNN's sees crops of 32 × 32 pixels; the others' sees the image, "
        "and has a pyramid of 64 channels on top. Each trained model has weights of its own: they "
        "are learnt in different ways. For the speed of a layer its weights do not matter, for "
        "that of NMS they do.",
        f"AP: the first {counts['scenes']} test scenes of 128 × 128 pixels, for which the models "
        "were trained; selective search gives at most 200 proposals there.",
        "In the decks: photos, VGG-16, a GPU of 2015; proposals + network. 2.3 and 0.32 s are from "
        "Table 4 of Fast R-CNN. Compare the steps between rungs, not the seconds.",
    ]
    if untrained:
        notes.append(f"Not trained, random weights: {', '.join(untrained)}. Their NMS has more or "
                     "less to do than that of a detector.")  # fmt: skip
    return "".join(f"- {note}\n" for note in notes)
