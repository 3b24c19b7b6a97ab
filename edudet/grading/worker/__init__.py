"""What runs inside the sandbox: standard library, numpy and torch, nothing else of edudet."""
