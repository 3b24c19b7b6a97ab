import torch


def masked_targets(labels, deltas):
    positive = (labels > 0)[:, None]
    targets = torch.cat([positive.float(), deltas.masked_fill(~positive, 0)], 1)
    mask = torch.cat([(labels >= 0)[:, None], positive.expand(-1, 4)], 1)
    return targets, mask.float()
