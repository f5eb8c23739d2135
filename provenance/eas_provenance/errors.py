"""What can go wrong with what is kept: light to load, so that whoever only reports it need not load a database."""


class RepositoryError(Exception):
    """A file could not be kept or found; the message says which and why."""


class TooLargeError(RepositoryError):
    """A record is larger than anybody needs one to be; `beginning` is how it begins."""

    def __init__(self, message: str, beginning: bytes) -> None:
        super().__init__(message)
        self.beginning = beginning


class BusyError(RepositoryError):
    """An engine works on the run already."""


class DatabaseError(Exception):
    """The database cannot be used; the message says which one and why, in one line."""


class UnknownRunError(LookupError):
    """No run is meant by what was given; the message says so, with what may have been meant."""


class LeaseError(Exception):
    """Another process writes what happens on a site now; the message says so."""
