"""The HTTP plumbing that every service has; nothing here knows about drift."""
