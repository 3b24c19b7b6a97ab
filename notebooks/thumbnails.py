"""Makes docs/thumbnails/<stem>.png, the pictures of the reading list: `make thumbnails`.

Every notebook is executed; its first picture, small, is its thumbnail.
"""

import base64
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent
OUT = FOLDER.parent / "docs" / "thumbnails"
WIDTH, HEIGHT = 240, 160
COLOURS = 64


def main(names: list[str]) -> None:
    os.environ["EDUDET_STATIC"] = "1"
    OUT.mkdir(parents=True, exist_ok=True)
    paths = [path for path in sorted(FOLDER.rglob("*.ipynb")) if not names or path.stem in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, picture in zip(paths, pool.map(first_picture, paths), strict=True):
            picture.save(OUT / f"{path.stem}.png", optimize=True)
            print(path.stem)


def first_picture(path: Path) -> Image.Image:
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    data = next(o.data["image/png"] for o in outputs if "image/png" in o.get("data", {}))
    return small(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def small(picture: Image.Image) -> Image.Image:
    """The upper left of a picture's proportions, or all of it, on white."""
    width, height = picture.size
    picture = picture.crop((0, 0, width, min(height, width * HEIGHT // WIDTH)))
    picture.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ground.paste(picture, ((WIDTH - picture.width) // 2, (HEIGHT - picture.height) // 2))
    return ground.quantize(COLOURS)


if __name__ == "__main__":
    main(sys.argv[1:])
