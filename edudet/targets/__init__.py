"""What a network should say: the labels and numbers that its outputs are compared with."""

__all__: list[str] = []
