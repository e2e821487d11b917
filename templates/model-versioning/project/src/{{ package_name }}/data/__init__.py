"""The data: what it must be, how it is read, and the example that comes with this project."""
