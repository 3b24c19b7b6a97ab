"""The forms of an operator, measured side by side."""

from collections.abc import Callable, Mapping
from typing import Any

from torch.utils.benchmark import Timer

from edudet.draw.style import COLOURS, HouseFigure, new_figure

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds_of(function: Callable[..., Any], *args: Any, at_least: float = 0.1) -> float:
    """Median time of `function(*args)` over runs of `at_least` seconds together; of one run, where
    that takes longer."""
    timer = Timer("function(*args)", globals={"function": function, "args": args})
    once = timer.timeit(1).median
    return once if once > at_least else timer.blocked_autorange(min_run_time=at_least).median


def race(
    forms: Mapping[str, Callable[..., Any]], *args: Any, title: str = "", at_least: float = 0.1
) -> HouseFigure:
    """Call every form with the same arguments and draw their times, fastest last."""
    times = {name: seconds_of(form, *args, at_least=at_least) for name, form in forms.items()}
    return draw_times(times, title)


def draw_times(seconds: Mapping[str, float], title: str = "") -> HouseFigure:
    """Times as bars on a logarithmic axis, longest first, each with its ratio to the shortest."""
    times = dict(sorted(seconds.items(), key=lambda item: -item[1]))
    best = min(times.values())
    figure, axes = new_figure(7.5, 0.7 + 0.4 * len(times))
    bars = axes.barh(list(times), list(times.values()), color=COLOURS["kept"], height=0.6)
    labels = [duration(value) + (f"   {_ratio(value / best)}" if value > best else "")
              for value in times.values()]  # fmt: skip
    axes.bar_label(bars, labels, padding=4, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(best / 3, max(times.values()) * 30)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_title(title, loc="left")
    return figure


def _ratio(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.3g}×"


def duration(seconds: float) -> str:
    """Three digits and a unit: 0.0000213 -> 21.3 µs."""
    size, unit = next(((s, u) for s, u in UNITS if seconds >= s), UNITS[-1])
    return f"{seconds / size:.3g} {unit}"
