"""From a study's file to trials that can run: what it names is found, or all that is missing is told."""
