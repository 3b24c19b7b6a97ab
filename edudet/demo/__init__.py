"""`edudet demo`: objects found in a photo by detection as classification."""
