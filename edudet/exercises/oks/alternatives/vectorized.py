import torch


def oks(gt_keypoints, visible, areas, keypoints, sigmas):
    squares = ((gt_keypoints[:, None] - keypoints) ** 2).sum(3)
    scale = 2 * areas[:, None, None] * (2 * sigmas) ** 2
    similarity = torch.exp(-squares / scale).nan_to_num(nan=0)
    seen = (visible > 0)[:, None]
    return (similarity * seen).sum(2) / seen.sum(2).clamp(min=1)
