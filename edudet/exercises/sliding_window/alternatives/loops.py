import torch


def sliding_windows(image_size, window_size, stride, scale):
    windows = []
    for y in range(0, image_size[0] - window_size[0] + 1, stride[0]):
        for x in range(0, image_size[1] - window_size[1] + 1, stride[1]):
            x2, y2 = x + window_size[1], y + window_size[0]
            windows.append([x / scale[1], y / scale[0], x2 / scale[1], y2 / scale[0]])
    return torch.tensor(windows).reshape(-1, 4)


def window_count(image_size, window_size, stride):
    if window_size is None:
        height, width = image_size
        return sum(range(1, height + 1)) * sum(range(1, width + 1))
    rows = len(range(0, image_size[0] - window_size[0] + 1, stride[0]))
    columns = len(range(0, image_size[1] - window_size[1] + 1, stride[1]))
    return rows * columns
