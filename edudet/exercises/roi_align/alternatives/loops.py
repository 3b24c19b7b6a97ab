import torch


def value_at(feature_map, y, x):
    channels, height, width = feature_map.shape
    if y < -1 or y > height or x < -1 or x > width:
        return torch.zeros(channels)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = (1 - across) * feature_map[:, top, left] + across * feature_map[:, top, right]
    lower = (1 - across) * feature_map[:, bottom, left] + across * feature_map[:, bottom, right]
    return (1 - down) * upper + down * lower


def roi_align(input, boxes, output_size, spatial_scale, sampling_ratio):
    rows, columns = output_size
    out = torch.zeros(len(boxes), input.shape[1], rows, columns)
    for k, (image, *box) in enumerate(boxes.tolist()):
        x1, y1, x2, y2 = (side * spatial_scale - 0.5 for side in box)
        step_y, step_x = (y2 - y1) / rows / sampling_ratio, (x2 - x1) / columns / sampling_ratio
        for i in range(rows * sampling_ratio):
            for j in range(columns * sampling_ratio):
                value = value_at(input[image], y1 + (i + 0.5) * step_y, x1 + (j + 0.5) * step_x)
                out[k, :, i // sampling_ratio, j // sampling_ratio] += value / sampling_ratio**2
    return out
