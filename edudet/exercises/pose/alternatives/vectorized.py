import torch


def pck(gt_keypoints, keypoints, reference_lengths, fraction, visible):
    distances = (keypoints - gt_keypoints).norm(dim=2)
    right = distances <= fraction * reference_lengths[:, None]
    counted = (visible > 0) & ~reference_lengths.isnan()[:, None]
    return right[counted].float().mean()


def pckh(gt_keypoints, keypoints, head_boxes, fraction, visible):
    diagonals = (head_boxes[:, 2:] - head_boxes[:, :2]).norm(dim=1)
    return pck(gt_keypoints, keypoints, 0.6 * diagonals, fraction, visible)


def pdj(gt_keypoints, keypoints, left_shoulder, right_hip, fraction, visible):
    torsos = (gt_keypoints[:, left_shoulder] - gt_keypoints[:, right_hip]).norm(dim=1)
    there = (visible[:, left_shoulder] > 0) & (visible[:, right_hip] > 0)
    torsos = torch.where(there, torsos, torch.nan)
    return pck(gt_keypoints, keypoints, torsos, fraction, visible)
