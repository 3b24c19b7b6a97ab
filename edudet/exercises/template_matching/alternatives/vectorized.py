import torch


def match_template(image, template):
    (_, height, width), (_, h, w) = image.shape, template.shape
    windows = torch.nn.functional.unfold(image[None].double(), (h, w))[0]  # (C h w, places)
    windows = windows - windows.mean(0)
    t = template.double().flatten() - template.double().mean()
    below = windows.norm(dim=0) * t.norm()
    scores = torch.where(below > 0, t @ windows / below, 0.0)
    return scores.reshape(height - h + 1, width - w + 1).float()
