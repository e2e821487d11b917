"""From a table to a published model; `model.py` is the part to make your own."""
