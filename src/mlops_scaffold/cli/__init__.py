"""The command line: parse, call one function of the library, and print; nothing else prints.

Imports: every room.
"""
