"""How far data lie from ImageNet, and whether its accuracy tells less of those farther away."""
