"""Predictions are the record; metrics and their intervals are derived from them in float64."""
