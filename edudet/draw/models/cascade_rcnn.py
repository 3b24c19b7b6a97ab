"""What each head of a cascade does to the boxes of the one before."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from edudet.draw.style import COLOURS, new_figure

FEWEST = 5  # dots that have a mean


def draw_refined(before_and_after: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """IoU with the object, (R,), before and after a head has moved the boxes: a dot for each box,
    and the mean of those with about the same IoU before. Above the diagonal they got better."""
    figure, axes = new_figure(3 * len(before_and_after), 3.3, 1, len(before_and_after))
    panels = [axes] if len(before_and_after) == 1 else axes[0]
    for ax, (name, (before, after)) in zip(panels, before_and_after.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=COLOURS["faint"], linewidth=1, linestyle="--")
        ax.plot(before.numpy(), after.numpy(), ".", color=COLOURS["kept"], markersize=2.5,
                alpha=0.4)  # fmt: skip
        tenth = (before * 10).long().clamp(max=9)
        some = [k for k in range(10) if int((tenth == k).sum()) >= FEWEST]
        means = [(float(before[tenth == k].mean()), float(after[tenth == k].mean())) for k in some]
        ax.plot(*zip(*means, strict=True), "o-", color=COLOURS["marked"], markersize=5)
        gain = float((after - before).mean())
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="IoU before",
               title=f"{name}: {gain:+.2f}".replace("-", "−"))  # fmt: skip
    panels[0].set_ylabel("IoU after")
    return figure
