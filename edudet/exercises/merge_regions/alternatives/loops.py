import torch


def merge_regions(labels):
    rows = labels.tolist()
    size, pairs = {}, set()
    for y, row in enumerate(rows):
        for x, a in enumerate(row):
            size[a] = size.get(a, 0) + 1
            for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
                if y + down < len(rows) and 0 <= x + right < len(row):
                    b = rows[y + down][x + right]
                    if a != b:
                        pairs.add((min(a, b), max(a, b)))
    merges = []
    new = len(size)
    while pairs:
        a, b = min(pairs, key=lambda pair: (size[pair[0]] + size[pair[1]], pair))
        merges.append([a, b])
        size[new] = size[a] + size[b]
        renamed = [tuple(new if i in (a, b) else i for i in pair) for pair in pairs]
        pairs = {(min(pair), max(pair)) for pair in renamed if pair[0] != pair[1]}
        new += 1
    return torch.tensor(merges, dtype=torch.int64).reshape(-1, 2)
