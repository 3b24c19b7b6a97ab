"""Which rows and which columns belong to a bin: masks, then a largest value under them."""

import torch


def inside(low, high, bins, count):
    first, last = (x.sign() * (x.abs() + 0.5).floor() for x in (low, high))
    length = (last - first + 1).long()[:, None]
    i = torch.arange(bins)
    begin = first[:, None].long() + i * length // bins
    end = first[:, None].long() - (-(i + 1) * length) // bins
    cell = torch.arange(count)
    return (cell >= begin[..., None]) & (cell < end[..., None])


def roi_pool(feature_map, boxes, output_size, spatial_scale):
    x1, y1, x2, y2 = (boxes * spatial_scale).unbind(1)
    down = inside(y1, y2, output_size[0], feature_map.shape[1])
    across = inside(x1, x2, output_size[1], feature_map.shape[2])
    has = (down[:, :, None, :, None] & across[:, None, :, None, :])[:, None]
    largest = feature_map[None, :, None, None].where(has, -torch.inf).amax((-2, -1))
    return largest.where(largest > -torch.inf, torch.zeros(()))
