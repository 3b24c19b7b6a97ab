import torch


def merge_regions(labels):
    regions = int(labels.max()) + 1
    size = torch.zeros(2 * regions - 1, dtype=torch.int64)
    size[:regions] = labels.flatten().bincount()
    touch = torch.zeros(2 * regions - 1, 2 * regions - 1, dtype=torch.bool)
    for a, b in (
        (labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1]),
        (labels[1:, 1:], labels[:-1, :-1]), (labels[1:, :-1], labels[:-1, 1:]),
    ):
        touch[a, b] = touch[b, a] = True
    merges = torch.zeros(regions - 1, 2, dtype=torch.int64)
    for t in range(regions - 1):
        together = (size[:, None] + size).where(touch.triu(1), labels.numel() + 1)
        a, b = divmod(int(together.argmin()), len(size))
        new = regions + t
        merges[t] = torch.tensor([a, b])
        size[new] = size[a] + size[b]
        touch[new] = touch[a] | touch[b]
        touch[:, new] = touch[new]
        touch[[a, b]] = False
        touch[:, [a, b]] = False
    return merges
