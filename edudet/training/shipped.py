"""Where the weights lie that come with edudet: a distribution of their own, edudet-weights.

They are forty times as large as the code, and whoever has weights of his own needs none of them.
"""

from importlib.util import find_spec
from pathlib import Path


def find_folder() -> Path:
    """The folder of a checkout, or else that of the installed package; it need not exist."""
    beside = Path(__file__).parents[2] / "weights" / "edudet_weights"
    spec = None if beside.is_dir() else find_spec("edudet_weights")
    return Path(spec.origin).parent if spec and spec.origin else beside


SHIPPED = find_folder()


def find_weights(name: str) -> Path:
    """The file of a model's shipped weights.

    Raises:
        ValueError: there are none; the message says how to get or to train them.
    """
    path = SHIPPED / f"{name}.pt"
    if path.exists():
        return path
    train = f"train them, `edudet train {name} --out DIR`, and name --weights DIR/model.pt"
    if not SHIPPED.is_dir():
        raise ValueError(
            f"weights of {name} are in the package edudet-weights, which is not installed: "
            f"`pip install ./weights` in a checkout of edudet; or {train}"
        )
    raise ValueError(f"no weights of {name} come with edudet: {train}")
