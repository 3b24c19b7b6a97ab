"""A bit mask in blocks of words, and the walk over its rows."""

from collections.abc import Sequence
from typing import Any

from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS


def draw_bits(axes: Any, bits: Tensor, word: int = 64, title: str = "") -> None:
    """Draw an (N, M) bool matrix: blue is 1. Lines part it into blocks of `word` x `word`; blocks
    left of the diagonal, which nobody fills, are grey."""
    n, m = bits.shape
    for top in range(word, n, word):
        left = Rectangle((0, top), top, min(word, n - top), color=COLOURS["faint"], alpha=0.3, lw=0)
        axes.add_patch(left)
    _show(axes, bits, "kept", 0, n)
    for at in range(0, max(n, m) + 1, word):
        axes.plot([0, m], [at, at], color=COLOURS["faint"], linewidth=0.7)
        axes.plot([at, at], [0, n], color=COLOURS["faint"], linewidth=0.7)
    axes.set(xlim=(0, m), ylim=(n, 0), xlabel="bit: would drop this one", ylabel="candidate")
    axes.set_title(title, fontsize=10, loc="left")


def step_walk(bits: Tensor, keep: Sequence[int], word: int = 64) -> Steps:
    """The walk over the rows of an (N, N) bool mask: the rows of `keep` go into `dropped`, the
    strip above."""
    dropped, states, captions = bits.new_zeros(len(bits)), [], []
    for i in keep:
        news = int((bits[i] & ~dropped).sum())
        dropped = dropped | bits[i]
        states.append((i, dropped))
        captions.append(f"candidate {i} is kept: its row drops {news or 'nobody'}"
                        f"{' more' if news and i else ''}")  # fmt: skip
    n = len(bits)

    def draw(axes: Any, k: int) -> None:
        i, gone = states[k]
        draw_bits(axes, bits, word)
        axes.axhspan(i, i + max(1, n / 100), color=COLOURS["marked"], alpha=0.6, lw=0)
        _show(axes, gone[None], "dropped", -0.12 * n, -0.04 * n)
        axes.plot([i + 0.5] * 2, [-0.13 * n, i], color=COLOURS["marked"], linewidth=1)
        axes.text(-0.01 * n, -0.08 * n, "dropped", ha="right", va="center", fontsize=9)
        axes.set_ylim(n, -0.14 * n)
        axes.set_aspect("equal")

    return Steps(captions, draw, 5.0, 5.0)


def _show(axes: Any, bits: Tensor, colour: str, top: float, bottom: float) -> None:
    shown = bits.double().masked_fill(~bits, float("nan")).numpy()
    extent = (0, bits.shape[1], bottom, top)
    axes.imshow(shown, cmap=ListedColormap([COLOURS[colour]]), extent=extent, aspect="auto",
                interpolation="nearest", zorder=2)  # fmt: skip
