"""Serves a trained model over HTTP; knows the artifact, never the training."""
