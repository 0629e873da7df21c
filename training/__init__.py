"""Training: gold labels in, a model folder out.  Needs the extra `train`."""
