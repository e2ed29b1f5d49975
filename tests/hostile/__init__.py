"""Input that nobody means well with, or that is broken: refused in words, or taken, and never anything else."""
