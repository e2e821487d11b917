"""Serves the monitor: takes predictions and labels, checks windows, tells of drift."""
