"""What a pretrained body says before it is trained: its frozen features, and a linear probe on them."""
