"""What outlives the process: events, windows, results, incidents, alerts to send."""
