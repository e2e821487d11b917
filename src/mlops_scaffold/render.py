"""Template tree + answers -> a folder. Copier does the rendering."""

from __future__ import annotations
