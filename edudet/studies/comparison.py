"""`edudet ablation`: all variants of a study, one after the other, and what is told of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edudet import check
from edudet.data.files import write_atomically
from edudet.studies.ablations import ABLATIONS, ITERATIONS
from edudet.studies.tables import markdown, write_csv, write_text
from edudet.studies.variants import Ablation, Setting, Variant, measured
from edudet.training.shipped import SHIPPED


def ablation(
    name: str, out: Path, iterations: int | None = None, seeds: Sequence[int] = (0,),
    scenes: int = 100,
) -> list[dict[str, Any]]:
    """Train and measure all variants; write ablation.csv, ablation.md and ablation.png.

    Args:
        name: of ABLATIONS.
        out: the folder, made if need be. What is finished there, with the same numbers, is read;
            what has begun is resumed.
        iterations: steps of each training; None: 600, or none at all where the package brings
            trained weights that will do.
        seeds: each variant is trained once with each.
        scenes: how many test scenes it is measured on; 500 are all.

    Returns:
        A row for each variant and seed: "variant", "value", "seed", and its numbers by name.

    Raises:
        ValueError: no such ablation; a number is out of range.
    """
    from edudet.draw.studies.ablations import (
        draw_ablation,  # what is missing is said before work begins
    )

    if name not in ABLATIONS:
        raise ValueError(f"ablation: NAME must be one of {', '.join(ABLATIONS)}, got {name!r}")
    steps = ITERATIONS if iterations is None else iterations
    check.is_int("ablation", iterations=steps, scenes=scenes, **{f"seeds[{s}]": s for s in seeds})
    check.positive("ablation", iterations=steps, scenes=scenes, num_seeds=len(seeds))
    study, setting = ABLATIONS[name], Setting(name, steps, 0, scenes)
    path = SHIPPED / f"{study.shipped}.pt"
    if iterations is None and study.shipped and path.exists():
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        setting, seeds = Setting(name, 0, 0, scenes, study.shipped, digest), (0,)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    # All variants of a seed first: then there is something to be compared.
    rows = [_row(study, v, replace(setting, seed=s), out) for s in seeds for v in study.variants]
    write_csv(out / "ablation.csv", rows)
    write_text(out / "ablation.md", report(study, setting, rows))
    panels = [(panel.label, panel.shown) for panel in study.panels]
    figure = draw_ablation(rows, panels, study.axis, study.question)
    write_atomically(out / "ablation.png", lambda file: figure.savefig(file, format="png"))
    return rows


def _row(study: Ablation, variant: Variant, setting: Setting, out: Path) -> dict[str, Any]:
    numbers = measured(study, variant, setting, out)
    if study.derived and variant.value is not None:
        numbers = {**numbers, **study.derived(numbers, variant.value)}
    about = {"variant": variant.name, "value": variant.value, "seed": setting.seed}
    return {**about, **numbers}


def report(study: Ablation, setting: Setting, rows: Sequence[dict[str, Any]]) -> str:
    """Means over seeds, and what was done."""
    seeds = sorted({row["seed"] for row in rows})
    columns = [key for panel in study.panels for key in panel.shown]
    table = []
    for variant in study.variants:
        mine = [row for row in rows if row["variant"] == variant.name]
        means = {key: sum(row[key] for row in mine) / len(mine) for key in columns}
        table.append({"": variant.name, **means})
    told = ", ".join(map(str, seeds))
    how = f"the weights of {setting.shipped} that come with edudet" if setting.shipped else (
        f"{setting.iterations} steps of training{' in mixed precision' * setting.amp}, "
        + (f"seed {told}" if len(seeds) == 1 else f"means over the seeds {told}")
    )
    return (f"# {study.question}\n\n{markdown(table)}\n{study.lesson}\n\nMeasured on "
            f"{setting.scenes} test scenes; {how}.\n")  # fmt: skip
