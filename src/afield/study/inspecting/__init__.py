"""What a result folder says of itself: how far it is, what differs in two, what may go."""
