import math

import torch


def pck(gt_keypoints, keypoints, reference_lengths, fraction, visible):
    right, total = 0, 0
    for i in range(len(gt_keypoints)):
        for joint in range(gt_keypoints.shape[1]):
            if visible[i, joint] > 0 and not torch.isnan(reference_lengths[i]):
                total += 1
                dx, dy = keypoints[i, joint] - gt_keypoints[i, joint]
                if math.hypot(dx, dy) <= fraction * reference_lengths[i]:
                    right += 1
    return right / total if total else math.nan


def pckh(gt_keypoints, keypoints, head_boxes, fraction, visible):
    sizes = [0.6 * math.hypot(x2 - x1, y2 - y1) for x1, y1, x2, y2 in head_boxes.tolist()]
    return pck(gt_keypoints, keypoints, torch.tensor(sizes), fraction, visible)


def pdj(gt_keypoints, keypoints, left_shoulder, right_hip, fraction, visible):
    sizes = torch.full((len(gt_keypoints),), math.nan)
    for i in range(len(gt_keypoints)):
        if visible[i, left_shoulder] > 0 and visible[i, right_hip] > 0:
            sizes[i] = (gt_keypoints[i, left_shoulder] - gt_keypoints[i, right_hip]).norm()
    return pck(gt_keypoints, keypoints, sizes, fraction, visible)
