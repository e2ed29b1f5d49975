"""What could bias a result, found in a task's images, labels and splits before anything is trained."""
