"""The monitoring service: receives predictions and labels, checks windows, reports drift."""
