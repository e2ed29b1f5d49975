"""What a search owes to its budget and to chance: what each backbone got, how far the best of many flatters itself."""
