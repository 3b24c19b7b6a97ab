def confusion(labels, scores, threshold):
    yes, positive = scores >= threshold, labels == 1
    tp, fp = (yes & positive).sum().item(), (yes & ~positive).sum().item()
    fn, tn = (~yes & positive).sum().item(), (~yes & ~positive).sum().item()
    precision, recall, f1 = (
        2 * tp / whole if whole else 1.0
        for whole in (2 * (tp + fp), 2 * (tp + fn), 2 * tp + fp + fn)
    )
    return tp, fp, fn, tn, precision, recall, f1
