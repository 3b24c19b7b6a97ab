import numpy as np


def oks(gt_keypoints, visible, areas, keypoints, sigmas):
    result = np.zeros((len(gt_keypoints), len(keypoints)), np.float32)
    spread = 8 * sigmas.numpy() ** 2
    for i, (joints, flags) in enumerate(zip(gt_keypoints.numpy(), visible.numpy(), strict=True)):
        seen = flags > 0
        if seen.any():
            offsets = keypoints.numpy()[:, seen] - joints[seen]
            values = np.exp(-(offsets**2).sum(2) / (areas[i].item() * spread[seen]))
            result[i] = np.nan_to_num(values, nan=0).mean(1)
    return result
