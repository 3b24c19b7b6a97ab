import torch


def rle_encode(mask):
    pixels = mask.T.flatten()
    changes = (pixels.diff(prepend=torch.tensor([False])) != 0).nonzero().flatten()
    ends = torch.cat([changes, torch.tensor([len(pixels)])])
    return ends.diff(prepend=torch.tensor([0]))


def rle_decode(counts, height, width):
    counts = torch.as_tensor(counts)
    return (torch.arange(len(counts)) % 2 == 1).repeat_interleave(counts).reshape(width, height).T
