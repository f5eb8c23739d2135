"""What can go wrong with the machine: light to load, so that whoever only reports it need not load the engine."""


class SiteError(Exception):
    """The disk of this machine is broken or full, which is no task's fault; the message names the folder and the cause.

    The tries that it concerns have not ended: they can be made again when the disk is well.
    """
