"""Tells people of incidents: what an alert says, where it goes, and that it arrives."""
