import torch


def masked_targets(labels, deltas):
    targets, mask = torch.zeros(len(labels), 5), torch.zeros(len(labels), 5)
    for i, label in enumerate(labels):
        if label > 0:
            targets[i, 0] = 1
            targets[i, 1:] = deltas[i]
            mask[i] = 1
        elif label == 0:
            mask[i, 0] = 1
    return targets, mask
