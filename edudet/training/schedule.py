"""How large a step is: the learning rate, a pure function of the step.

It rises in a straight line while the weights are still random (Goyal et al., 2017), then

    constant   stays
    steps      falls to a tenth at each share of the run in `drops`
    cosine     falls along half a wave of a cosine, to 0 (Loshchilov and Hutter, 2017)

Nothing is remembered from step to step, so a run that is resumed needs no state of its schedule.
"""

import math
from collections.abc import Sequence

SCHEDULES = ("constant", "steps", "cosine")


def rate_at(
    step: int, iterations: int, learning_rate: float, warmup: int = 0, schedule: str = "cosine",
    drops: Sequence[float] = (0.7, 0.9),
) -> float:
    """Return the learning rate of a step, counted from 0.

    Args:
        step: 0 to `iterations` - 1.
        iterations: how many steps the whole run has.
        learning_rate: the largest one, reached after `warmup` steps.
        drops: for "steps": shares of the run, in [0, 1].

    Raises:
        ValueError: a schedule of another name.
    """
    if schedule not in SCHEDULES:
        names = ", ".join(SCHEDULES)
        raise ValueError(f"rate_at: schedule must be one of {names}, got {schedule!r}")
    if step < warmup:
        return learning_rate * (step + 1) / (warmup + 1)
    if schedule == "steps":
        return learning_rate * 0.1 ** sum(step >= drop * iterations for drop in drops)
    if schedule == "cosine":
        done = (step - warmup) / max(iterations - warmup, 1)
        return learning_rate * (1 + math.cos(math.pi * done)) / 2
    return learning_rate
