"""What a model has answered, on its image: a file for each task of `edudet.tasks` that has no
picture elsewhere."""
