import torch


def weights(low, high, bins, samples, cells):
    """How much each cell counts in each bin, along one axis: (bins, cells)."""
    step = (high - low) / (bins * samples)
    position = low + (torch.arange(bins * samples) + 0.5) * step
    inside = (position >= -1) & (position <= cells)
    position = position.clamp(0, cells - 1)
    near = (1 - (position[:, None] - torch.arange(cells)).abs()).clamp(min=0)
    return (near * inside[:, None]).reshape(bins, samples, cells).mean(1)


def roi_align(input, boxes, output_size, spatial_scale, sampling_ratio):
    rows, columns = output_size
    out = [input.new_zeros(0, input.shape[1], rows, columns) + input[:0].sum()]
    for image, *box in boxes.tolist():
        x1, y1, x2, y2 = (side * spatial_scale - 0.5 for side in box)
        down = weights(y1, y2, rows, sampling_ratio, input.shape[2])
        across = weights(x1, x2, columns, sampling_ratio, input.shape[3])
        out.append((down @ input[image] @ across.T)[None])
    return torch.cat(out)
