"""Graph-based segmentation of the 512 x 512 photo that ships in scikit-image. Goal, one thread
each: 1.5 times OpenCV at the same parameters."""

from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Work
from edudet.proposals import felzenszwalb


def works(device: str, peer) -> Iterator[Work]:
    if device != "cpu":
        return
    try:
        from skimage.data import astronaut
    except ImportError:
        print("scikit-image cannot be imported: felzenszwalb has no photo to work on")
        return
    cv2 = opencv()
    for scale in (100, 300):
        arguments = astronaut(), scale, 0.8, 100
        contestants = {"edudet": partial(felzenszwalb, *arguments)}
        if cv2:
            graph = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, scale, 100)
            contestants["opencv"] = partial(graph.processImage, astronaut())
        yield Work("felzenszwalb", f"512 x 512 photo, scale {scale}", contestants, 1.5)


def opencv():
    """OpenCV with its contributed modules, on one thread; None, and a line that says so."""
    try:
        import cv2
    except ImportError:
        print("cv2 cannot be imported: only our own forms are compared")
        return None
    if not hasattr(cv2, "ximgproc"):
        print("cv2 lacks its contributed modules: only our own forms are compared")
        return None
    cv2.setNumThreads(1)
    return cv2
