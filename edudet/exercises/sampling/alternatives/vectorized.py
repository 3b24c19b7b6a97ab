import torch


def sample_balanced(labels, order, size, positive_fraction):
    shuffled = labels[order]
    positive = order[shuffled > 0][: int(size * positive_fraction)]
    negative = order[shuffled == 0][: size - len(positive)]
    return torch.sort(positive).values, torch.sort(negative).values
