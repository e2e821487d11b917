"""The dashboard: what happened, when, where and why, for people."""
