"""From a result folder to one record of a study: its measured networks, its searches, its table."""
