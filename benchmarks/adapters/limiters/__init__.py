"""One module for each limiter that is measured; it has what ``limiting.contender`` says."""
