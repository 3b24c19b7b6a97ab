def confusion(labels, scores, threshold):
    tp = fp = fn = tn = 0
    for label, score in zip(labels, scores, strict=True):
        if score >= threshold:
            if label:
                tp += 1
            else:
                fp += 1
        elif label:
            fn += 1
        else:
            tn += 1
    precision = tp / (tp + fp) if tp + fp else 1
    recall = tp / (tp + fn) if tp + fn else 1
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1
    return tp, fp, fn, tn, precision, recall, f1
