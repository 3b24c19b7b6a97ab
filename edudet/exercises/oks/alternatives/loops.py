import math

import torch


def oks(gt_keypoints, visible, areas, keypoints, sigmas):
    result = torch.zeros(len(gt_keypoints), len(keypoints))
    for i in range(len(gt_keypoints)):
        for j in range(len(keypoints)):
            similarities = []
            for joint in range(len(sigmas)):
                if visible[i, joint] > 0:
                    dx, dy = (keypoints[j, joint] - gt_keypoints[i, joint]).tolist()
                    size = 2 * areas[i].item() * (2 * sigmas[joint].item()) ** 2
                    value = math.exp(-(dx**2 + dy**2) / size)
                    similarities.append(0 if math.isnan(value) else value)
            if similarities:
                result[i, j] = sum(similarities) / len(similarities)
    return result
