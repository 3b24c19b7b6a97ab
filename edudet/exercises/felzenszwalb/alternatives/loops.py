import math

import torch


def felzenszwalb(image, scale):
    height, width, _ = image.shape
    rows = image.tolist()
    edges = []
    for y in range(height):
        for x in range(width):
            for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
                v, u = y + down, x + right
                if v < height and 0 <= u < width:
                    weight = math.dist(rows[y][x], rows[v][u])
                    edges.append((weight, y * width + x, v * width + u))
    edges.sort(key=lambda edge: edge[0])
    component = list(range(height * width))
    members = {i: [i] for i in component}
    heaviest = [0.0] * len(component)
    for weight, i, j in edges:
        a, b = component[i], component[j]
        if a == b:
            continue
        limit_a = heaviest[a] + scale / len(members[a])
        limit_b = heaviest[b] + scale / len(members[b])
        if weight <= limit_a and weight <= limit_b:
            for pixel in members[b]:
                component[pixel] = a
            members[a] += members.pop(b)
            heaviest[a] = weight
    names = {}
    labels = [names.setdefault(c, len(names)) for c in component]
    return torch.tensor(labels).reshape(height, width)
