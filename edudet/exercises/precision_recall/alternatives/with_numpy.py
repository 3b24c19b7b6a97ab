import numpy as np


def precision_recall(labels, scores, num_positives):
    labels, scores = labels.numpy(), scores.numpy()
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(labels[order])
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    precision = (hits / np.arange(1, len(hits) + 1))[last]
    recall = hits[last] / num_positives if num_positives else np.ones(last.sum())
    return precision, recall, scores[last], np.maximum.accumulate(precision[::-1])[::-1]
