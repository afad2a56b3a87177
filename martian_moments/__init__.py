"""A complete, correct, queryable history of what NASA's Mars rovers photographed and where they drove."""
