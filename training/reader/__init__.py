"""Train a reader: labels -> token targets -> windows -> losses -> model folder."""
