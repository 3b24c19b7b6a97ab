"""Dense prediction: an answer for every pixel."""
