"""What the results mean: does ImageNet accuracy transfer, which backbone to take, how sure is that. Needs no torch."""
