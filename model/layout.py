"""Label order and widths that the torch networks, the exported graphs and the decoding share."""

from __future__ import annotations

from quoth.records import Sentiment, Stance

STANCE_LABELS: tuple[Stance, ...] = ("accusation", "denial", "condemnation", "solidarity", "other")
"""Order of the stance logits (codebook v1.2); as a second stance, `other` means none."""

SENTIMENT_LABELS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")

ROLES = ("content", "cue", "source")
"""The parts of an attribution (PolNeAR, Newell et al. 2018)."""

OUTSIDE, BEGIN, INSIDE = range(3)
N_TAGS = 3 * len(ROLES)
"""BIO tags of each role, in the order of ROLES; roles are tagged independently."""

LINK_WIDTH = 64

BLOCK = 64
"""Weights that share one scale, where they are kept in few bits."""
