"""Generated pictures at the addresses that the replica's own records name. To draw one needs the extra ``media``."""
