"""Score speakers, targets and polarity on corpora that people annotated with who is for or against whom."""
