import torch


def precision_recall(labels, scores, num_positives):
    thresholds = scores.unique().flip(0)
    said_yes = (scores >= thresholds[:, None]).double()
    right = said_yes @ labels.double()
    precision = right / said_yes.sum(1)
    recall = right / num_positives if num_positives else torch.ones_like(right)
    smoothed = precision.flip(0).cummax(0).values.flip(0)
    return precision, recall, thresholds, smoothed
