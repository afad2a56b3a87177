"""The HTTP service: what is published and what the lake holds, for people and programs. It writes nothing."""
