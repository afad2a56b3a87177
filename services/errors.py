"""What can go wrong with the services, in a person's words."""


class ServicesError(Exception):
    """A service cannot be built, started or stopped. The message says what to do; it never holds a password."""
