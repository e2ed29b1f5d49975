"""What a study takes before it runs: time, memory, disk, what is missing, and what a budget leaves of it."""
