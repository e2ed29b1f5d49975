"""Accuracy here against ImageNet accuracy: the line, how uncertain it is, the verdict, whether it holds otherwise."""
