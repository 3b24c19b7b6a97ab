import torch


def unpool_nearest(x, scale):
    return x.repeat_interleave(scale[0], 1).repeat_interleave(scale[1], 2)


def unpool_bed_of_nails(x, scale):
    nail = torch.zeros(scale)
    nail[0, 0] = 1
    return torch.stack([torch.kron(channel, nail) for channel in x])


def max_unpool2d(values, indices, output_size):
    out = torch.zeros(len(values), output_size[0] * output_size[1])
    for n in range(values[0].numel()):  # one after the other: the last one stays
        places = indices.flatten(1)[:, n : n + 1]
        out.scatter_(1, places, values.flatten(1)[:, n : n + 1])
    return out.reshape(-1, *output_size)
