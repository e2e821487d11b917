"""An open-loop load test: requests are sent on schedule, whether or not responses arrive."""
