"""The speed ladder: how long a detector takes for an image, and for what."""

from collections.abc import Mapping, Sequence
from typing import Any

from edudet.draw import speed
from edudet.draw.proposals import sliding_window
from edudet.draw.steps import Steps
from edudet.draw.style import COLOURS, HouseFigure, new_figure

COLOUR_OF = {
    "proposals": "#E69F00", "features": "#0072B2", "heads": "#009E73", "NMS": "#D55E00",
    "other": "#BBBBBB",
}  # fmt: skip
MARKS = (1e-3, 1e-2, 0.1, 1.0, 60.0, 3600.0, 86_400.0, 2_629_800.0, 31_557_600.0)
MARK_NAMES = ("1 ms", "10 ms", "0.1 s", "1 s", "1 min", "1 h", "1 day", "1 month", "1 year")
TEXT = {"kept": COLOURS["kept"], "second": "#8C3D66"}  # dark enough to be read
NARROW = 0.09  # a share of the whole that has no room for a number


def told(seconds: float) -> str:
    """A duration of any size: 0.0382 -> 38.2 ms, 49 -> 49 s, 23679052.8 -> 274 days."""
    if seconds == 0:
        return "0"
    return speed.duration(seconds) if seconds < 60 else sliding_window.duration(seconds)


def draw_ladder(
    rows: Sequence[Mapping[str, Any]], stages: Sequence[str], where: str = ""
) -> HouseFigure:
    """Time of an image on a logarithmic axis beside that of the decks; what it went into; AP.

    Args:
        rows: from the slowest to the fastest: "rung", its name; "seconds", and of these every
            stage; "decks_seconds"; "sampled", above 0 where it is extrapolated; "AP", a number or
            "" where there is none.
        stages: their names, in their order.
        where: what was measured, in a few words.
    """
    figure, axes = new_figure(12.5, 1.5 + 0.62 * len(rows), 1, 2)
    left, right = axes[0]
    figure.get_layout_engine().set(wspace=0.03)  # type: ignore
    _draw_times(left, rows)
    _draw_stages(right, rows, stages)
    left.set_title(f"time for an image: {where}" if where else "time for an image", loc="left")
    return figure


def draw_ladder_times(rows: Sequence[Mapping[str, Any]], where: str = "") -> HouseFigure:
    """The left half of `draw_ladder` alone, for a page."""
    figure, axes = new_figure(8.5, 1.3 + 0.55 * len(rows))
    _draw_times(axes, rows)
    axes.set_title(f"time for an image: {where}" if where else "time for an image", loc="left")
    return figure


def draw_ladder_stages(
    rows: Sequence[Mapping[str, Any]], stages: Sequence[str]
) -> HouseFigure:
    """The right half of `draw_ladder` alone, with the names of the rungs."""
    figure, axes = new_figure(8.5, 1.1 + 0.5 * len(rows))
    _draw_stages(axes, rows, stages)
    axes.set_yticks(range(len(rows)), [row["rung"].replace(", ", ",\n") for row in rows])
    axes.tick_params(axis="y", length=0)
    return figure


def draw_falls(seconds: Mapping[str, float]) -> HouseFigure:
    """Durations on a logarithmic axis, longest first, and by what each is shorter than the one
    before."""
    names, values = list(seconds), list(seconds.values())
    figure, axes = new_figure(8.5, 0.8 + 0.55 * len(names))
    low, high = min(values) / 4, max(values) * 40
    axes.barh(range(len(names)), values, 0.5, color=COLOURS["second"], alpha=0.75)
    for i, value in enumerate(values):
        axes.annotate(told(value), (value, i), (5, 0), textcoords="offset points", va="center",
                      fontsize=10)  # fmt: skip
        if i:
            axes.text(low * 1.2, i - 0.5, f"÷ {_three_digits(values[i - 1] / value)}", va="center",
                      fontsize=9.5, color=COLOURS["dropped"], weight="bold")  # fmt: skip
    _time_axis(axes, low, high)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    return figure


def _three_digits(ratio: float) -> str:
    """482312.4 -> 482,000; 1.2345 -> 1.23."""
    digits = len(str(int(ratio)))
    return f"{round(ratio, 3 - digits):,.0f}" if digits > 2 else f"{ratio:.3g}"


def step_rungs(rows: Sequence[Mapping[str, Any]], stages: Sequence[str]) -> Steps:
    """Rung after rung, the first above, all on one linear axis; beside them, how many times as fast
    the last one would be if one stage of it took no time at all. Rows: as for `draw_ladder`."""
    captions = []
    for row in rows:
        most = max(stages, key=lambda stage: row[stage])
        told_most = f"{told(row[most])} of them for {most}"
        captions.append(f"{row['rung']}: {told(row['seconds'])}, {told_most}")

    def draw(axes: Any, step: int) -> None:
        left, right = axes[0]
        for i, row in enumerate(rows[: step + 1]):
            begin = 0.0
            for stage in stages:
                left.barh(i, row[stage] * 1000, 0.6, begin * 1000, color=COLOUR_OF[stage],
                          alpha=1 if i == step else 0.45, label=stage if i == step else None,
                          )  # fmt: skip
                begin += row[stage]
        left.set_yticks(range(len(rows)), [row["rung"] for row in rows])
        left.set_ylim(len(rows) - 0.5, -0.5)
        left.set_xlim(0, max(row["seconds"] for row in rows) * 1050)
        left.set_xlabel("milliseconds for an image")
        left.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.28), ncols=5,
                    fontsize=8, handlelength=1, columnspacing=0.9)  # fmt: skip
        limits = [speedup(rows[step], stage) for stage in stages]
        bars = right.barh(stages, limits, 0.6, color=[COLOUR_OF[stage] for stage in stages])
        right.bar_label(bars, [f"{limit:.3g}×" for limit in limits], padding=3, fontsize=9)
        right.axvline(1, color="black", linewidth=0.8)
        right.set_xlim(0, 1.25 * max(speedup(row, stage) for row in rows for stage in stages))
        right.invert_yaxis()
        right.set_title("if this took no time")

    return Steps(captions, draw, 8.8, 1.6 + 0.35 * len(rows), 1, 2)


def speedup(row: Mapping[str, Any], stage: str, times: float = float("inf")) -> float:
    """How many times as fast a rung becomes, if one stage of it is made `times` as fast (Amdahl,
    1967): 1 / (1 - p + p / times), where p is the stage's share."""
    share = row[stage] / row["seconds"]
    return 1 / (1 - share + share / times) if share < 1 else times


def _draw_times(axes: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    for i, row in enumerate(rows):
        ours, decks = row["seconds"], row["decks_seconds"]
        axes.plot([ours, decks], [i, i], color=COLOURS["faint"], alpha=0.4, linewidth=1.5, zorder=1)
        filled = "white" if row["sampled"] else COLOURS["kept"]
        axes.plot(ours, i, "o", color=COLOURS["kept"], markerfacecolor=filled, markersize=9)
        axes.plot(decks, i, "D", color=COLOURS["second"], markersize=7)
        for seconds, colour, up in ((ours, "kept", 10), (decks, "second", -15)):
            axes.annotate(told(seconds), (seconds, i), (0, up), textcoords="offset points",
                          ha="center", fontsize=9, color=TEXT[colour])  # fmt: skip
    every = [row[key] for row in rows for key in ("seconds", "decks_seconds")]
    _time_axis(axes, min(every) / 5, max(every) * 6)
    axes.set_yticks(range(len(rows)), [row["rung"].replace(", ", ",\n") for row in rows])
    axes.set_ylim(len(rows) - 0.35, -0.65)
    axes.plot([], [], "o", color=COLOURS["kept"], markersize=8, label="here")
    axes.plot([], [], "o", color=COLOURS["kept"], markerfacecolor="white", markersize=8,
              label="here, extrapolated from a sample")  # fmt: skip
    axes.plot([], [], "D", color=COLOURS["second"], markersize=7, label="in the decks")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.09), ncols=3, fontsize=9)


def _time_axis(axes: Any, low: float, high: float) -> None:
    """A logarithmic axis of seconds, marked in the units of people."""
    axes.set_xscale("log")
    marks = [(at, name) for at, name in zip(MARKS, MARK_NAMES, strict=True) if low < at < high]
    axes.set_xticks([at for at, _ in marks], [name for _, name in marks], fontsize=8.5)
    axes.minorticks_off()
    axes.set_xlim(low, high)
    axes.grid(axis="x", alpha=0.25)


def _draw_stages(
    axes: Any, rows: Sequence[Mapping[str, Any]], stages: Sequence[str]
) -> None:
    known = any(isinstance(row["AP"], float) for row in rows)
    for i, row in enumerate(rows):
        left = 0.0
        for stage in stages:
            share = row[stage] / row["seconds"]
            axes.barh(i, share, 0.55, left, color=COLOUR_OF[stage], edgecolor="white",
                      label=stage if i == 0 else None)  # fmt: skip
            if share >= NARROW:
                axes.text(left + share / 2, i, told(row[stage]), ha="center", va="center",
                          fontsize=8.5, color="black" if stage == "proposals" else "white")
            left += share
        precision = row["AP"]
        text = f"{precision:.2f}" if isinstance(precision, float) else "–"
        axes.text(1.03, i, text if known else "", va="center", fontsize=10)
    axes.text(1.03, -0.75, "AP" if known else "", va="bottom", fontsize=10, fontweight="bold")
    axes.set_xlim(0, 1.12 if known else 1.02)
    axes.set_ylim(len(rows) - 0.35, -0.65)
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title("what it goes into", loc="left")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.09), ncols=5,
                fontsize=9, handlelength=1.2, columnspacing=1.2)  # fmt: skip

