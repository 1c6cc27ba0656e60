"""Training: epochs and their reports, the rules that end them, and the checkpoints that hold all their state."""
