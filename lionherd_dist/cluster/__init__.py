"""The asking side: sends jobs, collects their outcomes, takes back what is no longer wanted."""
