import torch


def region_similarity(a, b, image_area, kinds):
    sizes, boxes, colours, textures = zip(a, b, strict=True)
    corners = torch.tensor(boxes)
    sides = corners[:, 2:].amax(0) - corners[:, :2].amin(0)
    total = torch.zeros(())
    for kind, (p, q) in (("colour", colours), ("texture", textures)):
        if kind in kinds:
            shares = torch.stack([p / sizes[0], q / sizes[1]])
            total += shares.amin(0).sum() / shares[0].sum()
    if "size" in kinds:
        total += 1 - sum(sizes) / image_area
    if "fill" in kinds:
        total += 1 - (sides.prod() - sum(sizes)) / image_area
    return total
