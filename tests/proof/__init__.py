"""The proof: every template tested as the product it is (see README.md beside this file)."""
