"""The data: its contract, how it is read, and the example data of this project."""
