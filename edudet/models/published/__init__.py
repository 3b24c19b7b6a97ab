"""Configurations whose published files load, and how each name in such a file becomes ours."""
