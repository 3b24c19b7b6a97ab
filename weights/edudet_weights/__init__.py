"""Trained weights of edudet's small models: `edudet.training.load_trained` reads them."""
