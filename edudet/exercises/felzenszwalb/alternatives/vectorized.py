import torch


def felzenszwalb(image, scale):
    height, width, _ = image.shape
    place = torch.arange(height * width).reshape(height, width)
    weights, tails, heads = [], [], []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width + min(0, right))
        weights.append((image[here] - image[there]).norm(dim=2).flatten())
        tails.append(place[here].flatten())
        heads.append(place[there].flatten())
    kind = torch.cat([torch.full_like(tail, n) for n, tail in enumerate(tails)])
    weights, tails, heads = torch.cat(weights), torch.cat(tails), torch.cat(heads)
    by_pixel = (4 * tails + kind).argsort()
    order = by_pixel[weights[by_pixel].argsort(stable=True)]
    parent, size = list(range(height * width)), [1] * (height * width)
    limit = [float(scale)] * (height * width)

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    edges = zip(weights[order].tolist(), tails[order].tolist(), heads[order].tolist(), strict=True)
    for weight, i, j in edges:
        a, b = root(i), root(j)
        if a != b and weight <= min(limit[a], limit[b]):
            parent[b] = a
            size[a] += size[b]
            limit[a] = weight + scale / size[a]
    roots = torch.tensor([root(i) for i in range(height * width)])
    _, label = roots.unique(return_inverse=True)
    first = torch.full((int(label.max()) + 1,), height * width)
    first = first.scatter_reduce(0, label, place.flatten(), "amin")
    return first.argsort().argsort()[label].reshape(height, width)
