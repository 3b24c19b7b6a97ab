import torch


def max_pool2d_with_indices(input, kernel_size, stride, padding):
    _, height, width = input.shape
    place = torch.arange(height * width).reshape(1, height, width)
    edges = (padding[1], padding[1], padding[0], padding[0])
    padded = torch.nn.functional.pad(input, edges, value=-torch.inf)
    places = torch.nn.functional.pad(place, edges)
    windows, spots = (
        maps.unfold(1, kernel_size[0], stride[0]).unfold(2, kernel_size[1], stride[1]).flatten(3)
        for maps in (padded, places)
    )
    best = windows.max(3, keepdim=True).values
    first = (windows == best).int().argmax(3, keepdim=True)
    spots = spots.expand(windows.shape).gather(3, first)
    return best[..., 0], spots[..., 0]
