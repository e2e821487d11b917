"""Bring a generated repository to a newer template without losing a line of its owner's."""
