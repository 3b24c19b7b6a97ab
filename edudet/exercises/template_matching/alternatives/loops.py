import torch


def match_template(image, template):
    (_, height, width), (_, h, w) = image.shape, template.shape
    scores = torch.zeros(height - h + 1, width - w + 1)
    t = template - template.mean()
    for y in range(height - h + 1):
        for x in range(width - w + 1):
            window = image[:, y : y + h, x : x + w]
            d = window - window.mean()
            below = ((d * d).sum() * (t * t).sum()).sqrt()
            if below > 0:
                scores[y, x] = (d * t).sum() / below
    return scores
