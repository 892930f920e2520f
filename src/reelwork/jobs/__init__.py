"""What a job is, how it moves from state to state, and where that is written down."""
