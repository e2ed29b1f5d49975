"""One training of a cell, and what is said by what came of it: the two functions that every engine calls."""
