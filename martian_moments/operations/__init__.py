"""The running platform: starting and supervising it, its status, its check-up, its demonstration."""
