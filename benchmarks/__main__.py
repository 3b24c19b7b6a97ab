"""python -m benchmarks [OPERATOR ...] [--device cpu|cuda] [--seconds 1] [--out out/bench]"""

import importlib
import platform
import sys
from datetime import date
from pathlib import Path

import click
import torch

import edudet
from benchmarks.measure import Work, measure
from edudet.progress import track

NOT_OPERATORS = {"__init__", "__main__", "grading", "inputs", "measure", "scenes"}
OPERATORS = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - NOT_OPERATORS)


@click.command()
@click.argument("operators", nargs=-1, type=click.Choice(OPERATORS))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu")
@click.option("--seconds", default=1.0, help="time to spend on each case")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/bench"))
def main(operators: tuple[str, ...], device: str, seconds: float, out: Path) -> None:
    """Measure OPERATORS (all by default) side by side with torchvision, if it can be imported."""
    try:
        from torchvision import ops as peer
    except ImportError:
        peer = None
        print("torchvision cannot be imported: only our own forms are compared")
    works: list[Work] = []
    for name in operators or OPERATORS:
        works += importlib.import_module(f"benchmarks.{name}").works(device, peer)
    for work in track(works, "measuring", stream=sys.stderr):
        measure(work, device, seconds)
    out.mkdir(parents=True, exist_ok=True)
    text = f"{heading(device, peer)}\n\n{markdown(works)}\n"
    (out / f"{device}.md").write_text(text)
    print(text)
    plot(works, out / f"{device}.png")
    print(f"written: {out / device}.md and .png")


def heading(device: str, peer) -> str:
    chip = torch.cuda.get_device_name() if device == "cuda" else cpu_name()
    versions = f"edudet {edudet.__version__}, torch {torch.__version__}"
    if peer:
        import torchvision

        versions += f", torchvision {torchvision.__version__}"
    return f"{date.today()}, {chip}, {versions}. Median milliseconds; one run, taking turns."


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def markdown(works: list[Work]) -> str:
    """A row per case: our time, those of the others, and how many times faster than the last."""
    lines = [
        "| operator | case | threads | edudet | others | ratio | goal |",
        "|---|---|---|--:|---|--:|--:|",
    ]
    for work in works:
        (_, ours), *others = work.milliseconds.items()
        listed = ", ".join(f"{name} {time:.4g}" for name, time in others)
        goal = f"{work.goal:g}" if work.goal else ""
        ratio = f"{work.ratio:.2f}" if others else ""
        cells = [work.operator, work.name, str(work.threads), f"{ours:.4g}", listed, ratio, goal]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(works: list[Work], path: Path) -> None:
    """How many times faster than the last contestant, one bar a case; the goal as a tick."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    works = [work for work in works if len(work.milliseconds) > 1]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(works) + 1.2), layout="constrained")
    rows = range(len(works))
    bars = axes.barh(rows, [work.ratio for work in works], color="#0072B2", height=0.7)
    axes.bar_label(bars, fmt=" %.1f", fontsize=8)
    for row, work in enumerate(works):
        if work.goal:
            axes.plot([work.goal] * 2, [row - 0.4, row + 0.4], color="#D55E00", linewidth=2.5)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.01)
    axes.set_yticks(rows, [label(work) for work in works], fontsize=8)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("times faster than the peer (orange: the goal)")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def label(work: Work) -> str:
    peer = list(work.milliseconds)[-1]
    threads = f", {work.threads} threads" if work.threads > 1 else ""
    return f"{work.operator}: {work.name}{threads}  (against {peer})"


if __name__ == "__main__":
    main()
