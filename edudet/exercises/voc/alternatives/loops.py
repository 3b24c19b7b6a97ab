import torch
from given import average_precision, match_detections, precision_recall


def voc_map(ground_truth, detections, iou_threshold, year):
    points = 11 if year == 2007 else "all"
    classes = sorted({label for image in ground_truth for label in image["labels"].tolist()})
    total = 0
    for label in classes:
        scores, right, num_objects = [], [], 0
        for truth, found in zip(ground_truth, detections, strict=True):
            mine, wanted = found["labels"] == label, truth["labels"] == label
            claims = match_detections(
                truth["boxes"][wanted], found["boxes"][mine], found["scores"][mine],
                iou_threshold, "voc",
            )
            scores += found["scores"][mine].tolist()
            right += [int(claim >= 0) for claim in claims]
            num_objects += int(wanted.sum())
        precision, recall, _, _ = precision_recall(
            torch.tensor(right, dtype=torch.int64), torch.tensor(scores), num_objects
        )
        total += float(average_precision(recall.double(), precision.double(), points))
    return total / len(classes)
