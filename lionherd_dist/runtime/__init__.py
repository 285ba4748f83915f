"""The working side: takes calls, runs them, says what became of them."""
