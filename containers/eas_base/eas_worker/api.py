"""What a program says about itself: the decorators and the two ways to end early."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from eas_worker.context import Context
    from eas_worker.quality import QualityContext

Program = TypeVar("Program", bound="Callable[[Context], None]")
Judge = TypeVar("Judge", bound="Callable[[QualityContext], None]")

#: The attribute that marks an entry point; its value is the kind, ``"task"`` or ``"qc"``.
MARK = "__eas_entry__"


class Failed(Exception):  # noqa: N818 - it names what happened, and authors write `raise Failed(...)`
    """The task cannot be done, and its author knows why: a user sees the message alone, and it is never tried again."""


class NoWork(Exception):  # noqa: N818 - as above
    """There is nothing to do: not an error, but nothing that depends on the task will run."""


class ContractError(Exception):
    """The program or its surroundings broke the contract; the message is fit for the user and needs no traceback."""


def task(function: Program) -> Program:
    """Mark the function that runs a task.

    Parameters
    ----------
    function : callable
        Takes one `eas_worker.context.Context`.
    """
    setattr(function, MARK, "task")
    return function


def qc(function: Judge) -> Judge:
    """Mark the function that judges what a task made.

    Parameters
    ----------
    function : callable
        Takes one `eas_worker.quality.QualityContext`.
    """
    setattr(function, MARK, "qc")
    return function
