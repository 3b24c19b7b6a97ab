"""What the benchmarks work on: boxes as detectors make them, with scores; photos and generated
scenes with the boxes of their objects. All seeded."""

import torch
from torch import Tensor


def sparse(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Boxes of 8 to 32 px, so widely scattered that few overlap: nearly all are kept."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * 100 * n**0.5
    size = 8 + 24 * torch.rand(n, 2, generator=generator)
    return _boxes(corner, size, generator, device)


def image_like(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Boxes of 8 to 256 px, anywhere in an 800 x 1333 image."""
    generator = torch.Generator().manual_seed(seed)
    size = 8 * 32 ** torch.rand(n, 2, generator=generator)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor([1333.0, 800.0]) - size)
    return _boxes(corner, size, generator, device)


def clustered(n: int, seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """About 50 boxes around each of n / 50 objects: what a detector says before NMS."""
    generator = torch.Generator().manual_seed(seed)
    objects = max(1, n // 50)
    size = 32 + 96 * torch.rand(objects, 2, generator=generator)
    corner = torch.rand(objects, 2, generator=generator) * 200 * objects**0.5
    which = torch.randint(0, objects, (n,), generator=generator)
    jitter = torch.randn(n, 4, generator=generator) * 0.05
    size, corner = size[which], corner[which]
    return _boxes(corner + jitter[:, :2] * size, size * (1 + jitter[:, 2:]), generator, device)


def _boxes(corner: Tensor, size: Tensor, generator, device: str) -> tuple[Tensor, Tensor]:
    scores = torch.rand(len(corner), generator=generator)
    return torch.cat([corner, corner + size], 1).to(device), scores.to(device)


# Objects in photos that ship in scikit-image, boxes drawn by hand (before any proposal was seen).
OBJECTS = {
    "astronaut": [
        (21, 15, 365, 512), (152, 15, 302, 190), (172, 75, 275, 190), (277, 343, 508, 512),
        (350, 0, 460, 285), (0, 0, 106, 512), (133, 348, 208, 424), (278, 338, 330, 376),
        (152, 462, 195, 512), (118, 148, 305, 295),
    ],  # woman, head, face, helmet, shuttle, flag, patch, name, cuff, collar
    "chelsea": [
        (31, 0, 400, 300), (136, 84, 204, 147), (294, 108, 342, 163), (240, 226, 290, 262),
        (335, 0, 400, 68),
    ],  # head of a cat, eyes, nose, ear
    "coffee": [
        (76, 65, 480, 390), (172, 17, 408, 308), (325, 65, 424, 325), (325, 228, 406, 326),
        (204, 94, 370, 194), (172, 17, 408, 208), (195, 222, 258, 308),
    ],  # saucer, cup, spoon, its bowl, coffee, rim, handle
    "rocket": [
        (310, 125, 337, 408), (0, 0, 88, 427), (561, 0, 640, 427), (170, 122, 205, 400),
        (440, 122, 478, 400), (267, 407, 381, 427),
    ],  # rocket, four masts, platform
}


def labelled_photos() -> list[tuple[Tensor, Tensor]]:
    """(H, W, 3) uint8 photos, each with the (M, 4) boxes of its objects."""
    from skimage import data

    from edudet.demo.coins import LEFT, RIGHT

    photos = [
        (torch.from_numpy(getattr(data, name)()), torch.tensor(boxes).float())
        for name, boxes in OBJECTS.items()
    ]
    coins = torch.from_numpy(data.coins())[..., None].expand(-1, -1, 3).contiguous()
    return [*photos, (coins, torch.tensor(LEFT + RIGHT).float())]


def scene(seed: int, height: int = 320, width: int = 480) -> tuple[Tensor, Tensor]:
    """A photo to order: textured shapes before a textured background.

    Returns (H, W, 3) uint8 and the (M, 4) boxes of 3 to 8 ellipses, triangles and rectangles, of
    20 to 200 px, of which later ones may hide up to a quarter of an earlier one's box.
    """
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(
        torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij"
    )
    image = _texture(y, x, generator)
    boxes: list[Tensor] = []
    for _ in range(3 + int(torch.randint(0, 6, (), generator=generator))):
        size = 20 * 10 ** torch.rand(2, generator=generator)
        corner = torch.rand(2, generator=generator) * (torch.tensor([width, height]) - size)
        inside = _shape(y, x, corner, size, generator)
        texture = _texture(y, x, generator)
        rows, columns = inside.any(1).nonzero(), inside.any(0).nonzero()
        box = torch.cat([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
        if any(_hidden(old, box) > 0.25 for old in boxes):
            continue
        image = torch.where(inside, texture, image)
        boxes.append(box)
    image = image + 4 * torch.randn(image.shape, generator=generator)
    return image.clamp(0, 255).byte().permute(1, 2, 0).contiguous(), torch.stack(boxes)


def _texture(y: Tensor, x: Tensor, generator) -> Tensor:
    """(3, H, W): a colour, with stripes or checks of another strength on it, and some shading."""
    colour = 40 + 180 * torch.rand(3, 1, 1, generator=generator)
    period, contrast = 4 + 12 * torch.rand((), generator=generator), 25
    angle = torch.pi * torch.rand((), generator=generator)
    u, v = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    wave = torch.sin(2 * torch.pi * u / period)
    if torch.rand((), generator=generator) < 0.5:
        wave = torch.sign(wave * torch.sin(2 * torch.pi * v / period))
    slope = 40 * (torch.rand((), generator=generator) - 0.5)
    return colour + contrast * torch.rand((), generator=generator) * wave + slope * u / len(x)


def _shape(y: Tensor, x: Tensor, corner: Tensor, size: Tensor, generator) -> Tensor:
    """(H, W) bool: an ellipse, a triangle or a rectangle that fills the box."""
    u, v = (x - corner[0]) / size[0], (y - corner[1]) / size[1]         # 0 to 1 within the box
    kind = int(torch.randint(0, 3, (), generator=generator))
    if kind == 0:
        return (u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.25
    if kind == 1:
        tip = torch.rand((), generator=generator)
        return (v > 0) & (v < 1) & (u > tip * (1 - v)) & (u < tip + (1 - tip) * v)
    return (u > 0) & (u < 1) & (v > 0) & (v < 1)


def _hidden(box: Tensor, by: Tensor) -> float:
    """The share of `box` that `by` covers."""
    sides = (torch.minimum(box[2:], by[2:]) - torch.maximum(box[:2], by[:2])).clamp(min=0)
    return float(sides.prod() / (box[2:] - box[:2]).prod())
