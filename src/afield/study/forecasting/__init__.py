"""What a study will take, as `afield plan` tells it."""
