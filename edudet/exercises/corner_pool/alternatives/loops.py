import torch


def corner_pool(feature_map, corner):
    channels, height, width = feature_map.shape
    out = torch.zeros(channels, height, width)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                column, row = feature_map[c, :, x], feature_map[c, y]
                if corner == "top_left":
                    out[c, y, x] = column[y:].max() + row[x:].max()
                else:
                    out[c, y, x] = column[: y + 1].max() + row[: x + 1].max()
    return out
