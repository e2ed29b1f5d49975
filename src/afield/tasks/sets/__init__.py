"""The data sets that ship, one module each."""
