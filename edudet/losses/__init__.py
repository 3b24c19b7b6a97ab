"""How wrong a network's output is, as one number with a gradient."""

__all__: list[str] = []
