"""edudet: object detection, from the loop that defines it to the kernel that runs it."""

__version__ = "0.2.0"
