import torch


def keypoint_targets(keypoints, rois, size):
    points, low, high = keypoints[..., :2], rois[:, None, :2], rois[:, None, 2:]
    inside = ((points >= low) & (points <= high)).all(-1)
    valid = inside & (keypoints[..., 2] > 0)
    cell = ((points - low) * size / (high - low)).floor().long().clamp(max=size - 1)
    cells = cell[..., 1] * size + cell[..., 0]
    return torch.where(valid, cells, 0), valid
