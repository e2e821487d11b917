"""Tests of where templates come from and what becomes of them."""
