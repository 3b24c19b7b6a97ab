"""edudet: object detection, from the loop that defines it to the kernel that runs it."""

__version__ = "0.1.0"
