"""One training: recipe, numerics, loop, loss, checkpoint. `recipe.py` and the plain values of `numerics.py` need no
torch.
"""
