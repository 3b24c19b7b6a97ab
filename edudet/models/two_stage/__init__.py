"""Two stages: something proposes where to look, something else says what is there."""
