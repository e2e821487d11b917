"""An open-loop load test: requests leave on schedule, whether or not answers come back."""
