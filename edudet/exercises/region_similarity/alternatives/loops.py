def overlap(size_a, counts_a, size_b, counts_b):
    channels = sum(counts_a) / size_a
    total = 0.0
    for n, m in zip(counts_a, counts_b, strict=True):
        total += min(n / size_a, m / size_b)
    return total / channels


def region_similarity(a, b, image_area, kinds):
    size_a, box_a, colour_a, texture_a = a
    size_b, box_b, colour_b, texture_b = b
    total = 0.0
    for kind in kinds:
        if kind == "colour":
            total += overlap(size_a, colour_a.tolist(), size_b, colour_b.tolist())
        elif kind == "texture":
            total += overlap(size_a, texture_a.tolist(), size_b, texture_b.tolist())
        elif kind == "size":
            total += 1 - (size_a + size_b) / image_area
        else:
            width = max(box_a[2], box_b[2]) - min(box_a[0], box_b[0])
            height = max(box_a[3], box_b[3]) - min(box_a[1], box_b[1])
            total += 1 - (width * height - size_a - size_b) / image_area
    return total
