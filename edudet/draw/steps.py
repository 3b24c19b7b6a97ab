"""Step-throughs: one figure a step, under a slider and a play button, or side by side."""

import base64
import io
import os
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from edudet.draw.style import HouseFigure, bare

MOST_ON_A_STRIP = 6
LETTERS_PER_INCH = 12  # of a caption


class Steps:
    """A procedure in pictures, one for each caption.

    In a running notebook this shows a slider and a play button. Where nothing can answer them (a
    script, an exported page, EDUDET_STATIC=1) it shows a filmstrip.

    captions: what happens in each step; the figure's heading.
    draw: (axes, i) draws step i into the axes; with several rows or columns, into an array of them.
    width, height: of one step, in inches.
    """

    def __init__(
        self, captions: Sequence[str], draw: Callable[[Any, int], None], width: float = 6.0,
        height: float = 4.0, rows: int = 1, columns: int = 1,
    ) -> None:  # fmt: skip
        if not captions:
            raise ValueError("Steps: captions must name at least one step, got none")
        self.captions, self.draw = list(captions), draw
        self.width, self.height, self.rows, self.columns = width, height, rows, columns
        self._pngs: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self.captions)

    def __repr__(self) -> str:
        return f"Steps: {len(self)} pictures, from «{self.captions[0]}» to «{self.captions[-1]}»"

    def figure(self, i: int) -> HouseFigure:
        """The picture of step `i`; negative ones count from the end."""
        figure = HouseFigure((self.width, self.height))
        self._draw_into(figure, i)
        return figure

    def filmstrip(self, chosen: Sequence[int] | None = None, columns: int = 0) -> HouseFigure:
        """The steps `chosen` (if None, some from the first to the last) in one figure."""
        if chosen is None:
            chosen = self._spread()
        columns = min(columns or max(1, round(13 / self.width)), len(chosen))
        rows = -(-len(chosen) // columns)
        shrink = min(1.0, 13 / (columns * self.width))
        size = (columns * self.width * shrink, rows * self.height * shrink)
        figure = HouseFigure(size)
        parts = figure.subfigures(rows, columns, squeeze=False).flat
        for part, i in zip(parts, chosen, strict=False):
            part.set_facecolor("white")
            self._draw_into(part, i)
        return figure

    def png(self, i: int) -> bytes:
        """The picture of step `i` as a file."""
        if i not in self._pngs:
            self._pngs[i] = self.figure(i).png()
        return self._pngs[i]

    def widget(self) -> Any:
        """The pictures under a slider and a play button, as an ipywidget."""
        import ipywidgets

        last = len(self) - 1
        play = ipywidgets.Play(max=last, interval=1200)
        slider = ipywidgets.IntSlider(
            max=last, description="step", layout=ipywidgets.Layout(width="420px")
        )
        picture = ipywidgets.Image(value=self.png(0), layout=ipywidgets.Layout(max_width="100%"))
        ipywidgets.jslink((play, "value"), (slider, "value"))
        slider.observe(lambda change: setattr(picture, "value", self.png(change["new"])), "value")
        box = ipywidgets.VBox([ipywidgets.HBox([play, slider]), picture])
        box.layout.align_items = "flex-start"
        return box

    def _spread(self) -> list[int]:
        """Numbers of at most MOST_ON_A_STRIP steps, evenly spread, with the first and the last."""
        most = min(len(self), MOST_ON_A_STRIP)
        return [round(k * (len(self) - 1) / max(most - 1, 1)) for k in range(most)]

    def _draw_into(self, figure: Any, i: int) -> None:
        axes = figure.subplots(self.rows, self.columns, squeeze=False)
        for ax in axes.flat:
            bare(ax)
        self.draw(axes[0, 0] if axes.size == 1 else axes, range(len(self))[i])
        caption = textwrap.fill(self.captions[i], int(LETTERS_PER_INCH * self.width))
        figure.suptitle(caption, fontsize=11, x=0.02, ha="left")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        # A page that cannot show the widget falls back on the picture.
        strip = io.BytesIO(self.filmstrip().png()).getvalue()
        bundle = {"text/plain": repr(self), "image/png": base64.b64encode(strip).decode()}
        if _answers():
            bundle |= self.widget()._repr_mimebundle_()
        return bundle


def _answers() -> bool:
    """Whether a kernel runs here that can answer a slider."""
    if os.environ.get("EDUDET_STATIC"):
        return False
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")
