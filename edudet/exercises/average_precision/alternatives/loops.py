def average_precision(recall, precision, points):
    recall, precision = recall.tolist(), precision.tolist()
    smoothed = [max(precision[i:]) for i in range(len(precision))]
    total, before = 0, 0
    if points == "all":
        for r, p in zip(recall, smoothed, strict=True):
            total += (r - before) * p
            before = r
        return total
    for k in range(points):
        level = k / (points - 1)
        for r, p in zip(recall, smoothed, strict=True):
            if r >= level - 1e-9:
                total += p
                break
    return total / points
