"""What an image may show, and how likely."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from edudet.draw.style import COLOURS

MOST = 5


def show_likeliest(axes: Any, names: Sequence[str], scores: Tensor) -> None:
    """A bar for each of the first five classes; names and scores (C,), the likeliest first."""
    shown = list(names[:MOST])
    bars = axes.barh(range(len(shown)), scores[:MOST].tolist(), color=COLOURS["kept"], height=0.6)
    axes.bar_label(bars, [f"{score:.2f}" for score in scores[:MOST].tolist()], padding=3)
    axes.set_yticks(range(len(shown)), shown)
    axes.set_xlim(0, 1.15)
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set_xlabel("how likely")
