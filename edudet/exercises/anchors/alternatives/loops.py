import torch


def grid_anchors(base_anchors, grid_size, stride, offset):
    anchors = []
    for row in range(grid_size[0]):
        for column in range(grid_size[1]):
            x, y = (column + offset) * stride[1], (row + offset) * stride[0]
            for x1, y1, x2, y2 in base_anchors:
                anchors.append([x1 + x, y1 + y, x2 + x, y2 + y])
    return torch.tensor(anchors, dtype=torch.float32).reshape(-1, 4)


def generate_anchors(scales, aspect_ratios):
    anchors = []
    for ratio in aspect_ratios:
        for scale in scales:
            width = scale / ratio**0.5
            height = width * ratio
            anchors.append([-width / 2, -height / 2, width / 2, height / 2])
    return torch.tensor(anchors).reshape(-1, 4)
