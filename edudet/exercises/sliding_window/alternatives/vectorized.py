import torch


def sliding_windows(image_size, window_size, stride, scale):
    (height, width), (tall, wide) = image_size, window_size
    y = torch.arange(0, max(height - tall + 1, 0), stride[0])
    x = torch.arange(0, max(width - wide + 1, 0), stride[1])
    corners = torch.cartesian_prod(y, x).flip(1)
    windows = torch.cat([corners, corners + torch.tensor([wide, tall])], 1)
    return windows / torch.tensor([scale[1], scale[0]] * 2)


def window_count(image_size, window_size, stride):
    image = torch.tensor(image_size)
    if window_size is None:
        return int((image * (image + 1) // 2).prod())
    steps = (image - torch.tensor(window_size)) // torch.tensor(stride) + 1
    return int(steps.clamp(min=0).prod())
