"""Notifies people of incidents: the text of an alert, its routes and its delivery."""
