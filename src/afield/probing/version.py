"""The version of what probing makes, for keys of trials. Needs no torch."""

PROBING_VERSION = 1
"""raised whenever a change makes other features or another probe of the same pictures"""
