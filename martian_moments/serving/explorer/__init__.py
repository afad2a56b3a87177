"""The page for people: a map of each drive, its stops, its sols and its photos, from data files that follow from a build."""
