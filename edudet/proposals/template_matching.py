"""Template matching: where in an image does a patch look like this one?

At every place, the patch under the template is compared with it by their correlation coefficient,
the zero-mean normalised cross-correlation:

    score = sum (w - mean w) (t - mean t) / sqrt(sum (w - mean w)^2 sum (t - mean t)^2)

in [-1, 1]; 1 where w = a t + b with a > 0, so brightness and contrast do not matter. All else does:
the same chair from another side, nearer, or half in the shade, is other numbers at other places,
and gets a low score. (Lewis, "Fast normalized cross-correlation", 1995, for the fast form.)

    match_template      the map of scores
    template_matches    its best places, as boxes

The map in two forms:
    match_template_loop         place by place: the definition
    match_template_vectorized   the products by a Fourier transform, the sums by doubling
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from edudet import check
from edudet.ops import nms
from edudet.proposals.sliding_window import sliding_windows

FLAT = 1e-6  # of the largest absolute value: less contrast is left to rounding


def match_template(image: Tensor, template: Tensor, pad_input: bool = False) -> Tensor:
    """Return how well `template` fits at every place of `image`.

    Args:
        image: (H, W), (C, H, W) or (N, C, H, W); float or integer, any range of values.
        template: (h, w) or (C, h, w), at most as large as the image. The mean is taken over all
            channels (as in scikit-image; OpenCV takes one for each).
        pad_input: see below.

    Returns:
        (H - h + 1, W - w + 1), for a batch (N, ...); float32, or float64 if an argument is. The
        score at (y, x) is that of the window whose top left is pixel (y, x). With `pad_input`
        (H, W): zeros surround the image, and the score stands at the window's centre, row h // 2
        and column w // 2 in it (as in scikit-image). Computed in float64. Flat windows, whose
        standard deviation is at most 1e-6 of the largest absolute value in their image, score 0;
        so does everything if the template is flat.

    Gradient:
        Flows to `image` and `template`.

    Raises:
        TypeError: an argument is not a tensor.
        ValueError: shapes, dtypes or devices do not fit; the template is larger than the image; a
            value is not finite.
    """
    _check("match_template", image, template, pad_input)
    return match_template_vectorized(image, template, pad_input)


def template_matches(
    image: Tensor, template: Tensor, num_matches: int = 1, iou_threshold: float = 0.3
) -> tuple[Tensor, Tensor]:
    """Return the places that `template` fits best, none of them on top of a better one.

    Args:
        image, template: as for `match_template`, without a batch.
        num_matches: at most so many.
        iou_threshold: two matches do not overlap by more (see `nms`).

    Returns:
        boxes (K, 4) float32, xyxy in pixels, best first; scores (K,).
    """
    _check("template_matches", image, template, False)
    check.is_int("template_matches", num_matches=num_matches)
    check.positive("template_matches", num_matches=num_matches)
    check.unit_interval("template_matches", iou_threshold=iou_threshold)
    if image.ndim == 4:
        raise ValueError(
            f"template_matches: image must have shape (H, W) or (C, H, W), got {tuple(image.shape)}"
        )
    scores = match_template_vectorized(image, template).flatten()
    height, width = template.shape[-2:]
    image_size = image.shape[-2], image.shape[-1]
    boxes = sliding_windows(image_size, (height, width)).to(image.device)
    keep = nms(boxes, scores.detach().float(), iou_threshold)[:num_matches]
    return boxes[keep], scores[keep]


def _check(function: str, image: Tensor, template: Tensor, pad_input: bool) -> None:
    check.is_tensor(function, image=image, template=template)
    check.is_bool(function, pad_input=pad_input)
    dtypes = check.FLOATS + check.INTEGERS
    check.dtype(function, dtypes, image=image, template=template)
    check.same_device(function, image=image, template=template)
    if image.ndim not in (2, 3, 4):
        raise ValueError(
            f"{function}: image must have shape (H, W), (C, H, W) or (N, C, H, W), "
            f"got {tuple(image.shape)}"
        )
    if template.ndim != min(image.ndim, 3) or template.shape[:-2] != image.shape[-3:-2]:
        raise ValueError(
            f"{function}: template must have the channels of image, {tuple(image.shape)}, "
            f"got {tuple(template.shape)}"
        )
    sides = zip(template.shape[-2:], image.shape[-2:], strict=True)
    if template.numel() == 0 or any(small > large for small, large in sides):
        raise ValueError(
            f"{function}: template must have a pixel, and no more rows or columns than image, "
            f"{tuple(image.shape[-2:])}, got {tuple(template.shape)}"
        )
    for name, values in (("image", image), ("template", template)):
        if check.can_look(values) and not values.isfinite().all():
            raise ValueError(f"{function}: {name} must be finite, got NaN or infinity in it")


def _prepared(image, template, pad_input) -> tuple[Tensor, Tensor, torch.dtype]:
    """(N, C, H, W) and (C, h, w) in float64, the largest absolute value 1; the result's dtype."""
    double = torch.float64 in (image.dtype, template.dtype)
    image, template = image.double(), template.double()
    if image.ndim == 2:
        image, template = image[None], template[None]
    if image.ndim == 3:
        image = image[None]
    largest = image.detach().abs().amax((1, 2, 3), keepdim=True)
    image = image / largest.where(largest > 0, 1)
    template = template / template.detach().abs().max().clamp(min=torch.finfo(torch.float64).tiny)
    if pad_input:
        height, width = template.shape[-2:]
        top, left = height // 2, width // 2
        image = pad(image, (left, width - 1 - left, top, height - 1 - top))
    return image, template, torch.float64 if double else torch.float32


def match_template_loop(image: Tensor, template: Tensor, pad_input: bool = False) -> Tensor:
    dims = image.ndim
    image, template, dtype = _prepared(image, template, pad_input)
    (channels, h, w), (n, _, height, width) = template.shape, image.shape
    count = channels * h * w
    scores = image.new_zeros(n, height - h + 1, width - w + 1) + image[:0].sum()
    t = template - template.sum() / count
    for i in range(n):
        for y in range(height - h + 1):
            for x in range(width - w + 1):
                window = image[i, :, y : y + h, x : x + w]
                d = window - window.sum() / count
                if (d * d).sum() > count * FLAT**2 and (t * t).sum() > count * FLAT**2:
                    scores[i, y, x] = (d * t).sum() / ((d * d).sum() * (t * t).sum()).sqrt()
    return (scores if dims == 4 else scores[0]).to(dtype)


def match_template_vectorized(image: Tensor, template: Tensor, pad_input: bool = False) -> Tensor:
    dims = image.ndim
    image, template, dtype = _prepared(image, template, pad_input)
    h, w = template.shape[-2:]
    t = template - template.mean()
    image = image - image.mean((1, 2, 3), keepdim=True)                  # less to be rounded
    products = _correlate(image, t)                                      # (N, H', W')
    sums, squares = (
        _window_sums(_window_sums(values.sum(1), h, 1), w, 2) for values in (image, image**2)
    )
    count = template.numel()
    spread, spread_of_t = squares - sums**2 / count, (t * t).sum()
    flat = (spread <= count * FLAT**2) | (spread_of_t <= count * FLAT**2)
    scores = products / (spread * spread_of_t).where(~flat, 1).sqrt()
    scores = torch.where(scores.abs() > 1, scores.sign(), scores).where(~flat, 0)
    return (scores if dims == 4 else scores[0]).to(dtype)


def _correlate(image: Tensor, template: Tensor) -> Tensor:
    """(N, C, H, W), (C, h, w) -> (N, H - h + 1, W - w + 1): sums of products, over channels too."""
    (height, width), (h, w) = image.shape[-2:], template.shape[-2:]
    if len(image) == 0:  # nothing to transform, which not every library of transforms likes
        return image.sum(1)[:, : height - h + 1, : width - w + 1]
    # The transform is periodic: places where the template would reach around the border are cut.
    size = _fast_length(height), _fast_length(width)
    spectrum = (torch.fft.rfft2(image, size) * torch.fft.rfft2(template, size).conj()).sum(1)
    return torch.fft.irfft2(spectrum, size)[:, : height - h + 1, : width - w + 1]


def _fast_length(length: int) -> int:
    """The next number without prime factors above 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def _window_sums(x: Tensor, length: int, dim: int) -> Tensor:
    """Sums of `length` neighbours along `dim`: of 1, 2, 4, ... by doubling, put together. Running
    sums over the whole image would be faster by little, and round off what a dark corner holds."""
    count = x.shape[dim] - length + 1
    total, done, block = x.new_zeros(()), 0, 1
    while True:
        if length & block:
            total = total + x.narrow(dim, done, count)
            done += block
        if done == length:
            return total
        x = x.narrow(dim, 0, x.shape[dim] - block) + x.narrow(dim, block, x.shape[dim] - block)
        block *= 2


IMPLEMENTATIONS = {"loop": match_template_loop, "vectorized": match_template_vectorized}
