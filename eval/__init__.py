"""Evaluation: how good any labeler is on annotated statements, and how sure we are of it."""
