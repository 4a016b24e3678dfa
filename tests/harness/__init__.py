"""Starts the release binary on a free port with a data folder of its own, and makes clients for it."""

from .platform import Platform, free_port

__all__ = ["Platform", "free_port"]
