"""The HTTP plumbing that every service has; nothing in here knows about models."""
