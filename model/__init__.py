"""The model: windows of tokens in, attributions, names and stances out."""
