"""Which rows and which columns belong to a bin: masks, as factors of a sum over all cells."""

import torch


def inside(low, high, bins, count):
    first, last = (x.sign() * (x.abs() + 0.5).floor() for x in (low, high))
    length = (last - first).long().clamp(min=1)[:, None]
    i = torch.arange(bins)
    begin = first[:, None].long() + i * length // bins
    end = first[:, None].long() - (-(i + 1) * length) // bins
    cell = torch.arange(count)
    return ((cell >= begin[..., None]) & (cell < end[..., None])).float()


def ps_roi_pool(feature_maps, boxes, output_size, spatial_scale):
    x1, y1, x2, y2 = (boxes * spatial_scale).unbind(1)
    down = inside(y1, y2, output_size[0], feature_maps.shape[1])
    across = inside(x1, x2, output_size[1], feature_maps.shape[2])
    maps = feature_maps.unflatten(0, (-1, *output_size))
    total = torch.einsum("kiy,cijyx,kjx->kcij", down, maps, across)
    count = down.sum(2)[:, :, None] * across.sum(2)[:, None, :]
    return total / count.clamp(min=1)[:, None]
