"""One class for the whole image.

A target has "label", (), integer: label k is the dataset's categories[k - 1]; there is no
background. An answer has "labels" (C,), the likeliest first, and "scores" (C,), their
probabilities.

    accuracy    the share of images whose likeliest class is the true one; -1 of no images

What is found is written like COCO's results, a record for each image and class, without a box.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from edudet.tasks import About, Output, files_and_categories

NAME = "classification"
NEEDS = ("label",)
SAME = ()
BEST = "accuracy"
SHOWN = ("accuracy",)
SCORE = 0.05


def model_arguments(about: About) -> dict[str, Any]:
    """With the size of the images: a picture of another size is brought to it."""
    if "size" not in about:
        raise ValueError("classification: dataset must say the size of its images, which must be "
                         "one, got none")  # fmt: skip
    return {"num_classes": len(about["categories"]), "size": tuple(about["size"])}


class Answers:
    """How many images there were, and how many were called right."""

    def __init__(self) -> None:
        self.right = self.images = 0

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None:
        self.right += int(output["labels"][0]) == int(target["label"])
        self.images += 1

    def numbers(self, progress: bool = False) -> dict[str, float]:
        return {"accuracy": self.right / self.images if self.images else -1.0}


def collect(dataset: Any) -> Answers:
    return Answers()


def surer(output: Output, score: float) -> dict[str, Any]:
    sure = output["scores"] >= score
    return {key: output[key][sure] for key in ("labels", "scores")}


def told(output: Output, about: About) -> str:
    """The likeliest class."""
    if len(output["labels"]) == 0:
        return "nothing is sure"
    return f"{about['categories'][int(output['labels'][0]) - 1]} ({float(output['scores'][0]):.2f})"


def records(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
    about: About,
) -> dict[str, Any]:
    """A record for each class that an image may be of, the likeliest first."""
    annotations = [
        {"image_id": i, "category_id": label, "score": score}
        for i, output in enumerate(outputs, 1)
        for label, score in zip(output["labels"].tolist(), output["scores"].tolist(), strict=True)
    ]
    numbered = [{"id": i, **one} for i, one in enumerate(annotations, 1)]
    return {**files_and_categories(paths, sizes, about["categories"]), "annotations": numbered}


def show(axes: Any, image: Tensor, output: Output, about: About) -> None:
    from edudet.draw.boxes import show_image

    show_image(axes, image, told(output, about))


def picture(image: Tensor, output: Output, about: About) -> Any:
    """The image, and beside it the likeliest classes."""
    from edudet.draw.pictures import show_beside
    from edudet.draw.tasks.classification import show_likeliest

    figure, axes = show_beside(image)
    names = [about["categories"][label - 1] for label in output["labels"].tolist()]
    show_likeliest(axes, names, output["scores"])
    return figure
