"""How good the answers are: counted, drawn as curves, and averaged."""

__all__: list[str] = []
