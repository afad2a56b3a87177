"""Our own API: every published fact, narrowed, ordered and paged, in the formats that people and programs read."""
