"""A study's record as one HTML file that opens anywhere, offline. Needs no torch."""
