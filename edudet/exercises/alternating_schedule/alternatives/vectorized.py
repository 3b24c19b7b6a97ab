"""The plan as a table: the step that each part begins with, -1 if it is not in use."""

import torch

STARTS = [(0, 0, -1), (0, -1, 0), (2, 0, -1), (2, -1, 2)]
TRAINED = [(1, 1, 0), (1, 0, 1), (0, 1, 0), (0, 0, 1)]


def alternating_schedule(step, first_fixed, saved):
    starts, trained = torch.tensor(STARTS[step - 1]), torch.tensor(TRAINED[step - 1]).bool()
    if first_fixed and step == 1:
        trained[0] = False
    if first_fixed and step == 3:
        starts[1] = 1
    start = saved[starts.clamp(min=0), torch.arange(3)]
    return torch.where(starts >= 0, start, 0.0), trained, (0, 1, 0, 3)[step - 1]


def train_alternately(first_fixed, new, change):
    saved = new[None]
    for step in range(1, 5):
        start, trained, _ = alternating_schedule(step, first_fixed, saved)
        row = torch.where(trained, start + change[step - 1], saved[-1])
        saved = torch.cat([saved, row[None]])
    return saved
