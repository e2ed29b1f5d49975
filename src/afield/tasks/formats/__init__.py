"""Files of labels as they are published."""
