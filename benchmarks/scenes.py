"""How many scenes a second each level draws, on one core, all of the target included. Goal: 300 of
the default level, at 128 x 128.

    python -m benchmarks.scenes
"""

import time

import torch
from rich.console import Console
from rich.table import Table

from edudet.data import Scenes
from edudet.data.levels import LEVELS

ROUNDS, SCENES = 5, 60


def scenes_per_second(level: str) -> float:
    """Of the best of some rounds, by the processor's own clock."""
    scenes = Scenes(level)
    seconds = []
    for start in range(0, ROUNDS * SCENES, SCENES):
        before = time.process_time()
        for i in range(start, start + SCENES):
            scenes[i]
        seconds.append(time.process_time() - before)
    return SCENES / min(seconds)


def main() -> None:
    torch.set_num_threads(1)
    table = Table("level", "scenes a second", box=None)
    for level in LEVELS:
        table.add_row(level, f"{scenes_per_second(level):.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
