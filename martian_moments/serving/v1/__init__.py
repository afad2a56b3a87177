"""The Mars Photos API as it was until October 2025, on our tables: its paths, names, order and oddities."""
