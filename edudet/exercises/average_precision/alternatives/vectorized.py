import torch


def average_precision(recall, precision, points):
    smoothed = precision.flip(0).cummax(0).values.flip(0)
    if points == "all":
        return recall.diff(prepend=torch.zeros(1).double()) @ smoothed
    levels = torch.linspace(0, 1, points, dtype=torch.float64)
    place = torch.searchsorted(recall, levels - 1e-9)
    return torch.cat([smoothed, torch.zeros(1)])[place].mean()
