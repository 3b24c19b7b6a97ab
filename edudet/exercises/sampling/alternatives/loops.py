import torch


def sample_balanced(labels, order, size, positive_fraction):
    positive, negative = [], []
    for i in order.tolist():
        if labels[i] > 0 and len(positive) + 1 <= size * positive_fraction:
            positive.append(i)
    for i in order.tolist():
        if labels[i] == 0 and len(positive) + len(negative) < size:
            negative.append(i)
    return torch.tensor(sorted(positive)).long(), torch.tensor(sorted(negative)).long()
