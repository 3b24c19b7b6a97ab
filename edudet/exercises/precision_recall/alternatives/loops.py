import torch


def precision_recall(labels, scores, num_positives):
    precision, recall, thresholds = [], [], []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        said_yes = right = 0
        for label, score in zip(labels.tolist(), scores.tolist(), strict=True):
            if score >= threshold:
                said_yes += 1
                right += label
        precision.append(right / said_yes)
        recall.append(right / num_positives if num_positives else 1.0)
        thresholds.append(threshold)
    smoothed = [max(precision[i:]) for i in range(len(precision))]
    return [torch.tensor(part) for part in (precision, recall, thresholds, smoothed)]
