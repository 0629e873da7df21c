"""The HTTP endpoint (`quoth serve`) and its clients."""
