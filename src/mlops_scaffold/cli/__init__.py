"""The command line, thin: parse, call one function of the library, print what it returns."""
