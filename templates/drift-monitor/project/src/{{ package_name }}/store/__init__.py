"""Persistent state: events, windows, results, incidents and the alerts to send."""
