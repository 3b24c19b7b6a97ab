import torch


def rle_encode(mask):
    counts, inside, run = [], False, 0
    for x in range(mask.shape[1]):
        for y in range(mask.shape[0]):
            if bool(mask[y, x]) != inside:
                counts.append(run)
                inside, run = not inside, 0
            run += 1
    return [*counts, run]


def rle_decode(counts, height, width):
    mask = torch.zeros(height, width, dtype=torch.bool)
    place, inside = 0, False
    for count in counts:
        for i in range(place, place + count):
            mask[i % height, i // height] = inside
        place, inside = place + count, not inside
    return mask
