"""What a choice of a backbone is worth: regret of rules, quality against cost, other metrics, what would settle it."""
