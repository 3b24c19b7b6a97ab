import torch


def keypoint_targets(keypoints, rois, size):
    cells = torch.zeros(keypoints.shape[:2], dtype=torch.int64)
    valid = torch.zeros(keypoints.shape[:2], dtype=torch.bool)
    for p, (x1, y1, x2, y2) in enumerate(rois.tolist()):
        for k, (x, y, v) in enumerate(keypoints[p].tolist()):
            if v == 0 or not (x1 <= x <= x2 and y1 <= y <= y2):
                continue
            column = int((x - x1) / (x2 - x1) * size)
            row = int((y - y1) / (y2 - y1) * size)
            if x == x2:
                column = size - 1
            if y == y2:
                row = size - 1
            cells[p, k] = row * size + column
            valid[p, k] = True
    return cells, valid
