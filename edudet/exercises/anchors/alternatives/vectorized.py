import torch


def grid_anchors(base_anchors, grid_size, stride, offset):
    y = (torch.arange(grid_size[0]) + offset) * stride[0]
    x = (torch.arange(grid_size[1]) + offset) * stride[1]
    y, x = torch.meshgrid(y, x, indexing="ij")
    shifts = torch.stack([x, y, x, y], -1)
    return (shifts[:, :, None] + base_anchors).reshape(-1, 4)


def generate_anchors(scales, aspect_ratios):
    roots = torch.tensor(aspect_ratios, dtype=torch.float32).sqrt()[:, None]
    scales = torch.tensor(scales, dtype=torch.float32)
    halves = torch.stack([scales / roots, scales * roots], -1).reshape(-1, 2) / 2
    return torch.cat([-halves, halves], 1)
