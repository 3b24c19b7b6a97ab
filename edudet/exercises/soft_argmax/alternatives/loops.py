import torch


def soft_argmax(heatmaps, beta):
    result = torch.zeros(len(heatmaps), 2)
    for i, heatmap in enumerate(heatmaps):
        top = heatmap.max()
        total, sum_x, sum_y = 0, 0, 0
        for y in range(heatmap.shape[0]):
            for x in range(heatmap.shape[1]):
                weight = torch.exp(beta * (heatmap[y, x] - top))
                total = total + weight
                sum_x = sum_x + weight * (x + 0.5)
                sum_y = sum_y + weight * (y + 0.5)
        result[i, 0], result[i, 1] = sum_x / total, sum_y / total
    return result
