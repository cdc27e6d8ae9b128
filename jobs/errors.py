"""What can go wrong with a job, each kind with its own exit code.

::

    JobError                            1   the job failed
    ├── SpecError          (ValueError) 2   a job file, an argument or two shapes are wrong
    │   └── OutputError                 2   the output cannot be created where it was asked for
    ├── InputError         (OSError)    3   an input cannot be read
    │   ├── InputUnsupportedError (TypeError) 3 an input is an array of a kind that is not worked on
    │   ├── InputChangedError           3   an input was replaced or truncated during the job, or since it began
    │   ├── UnsafeFileError             12  a file would run code that it holds if it were loaded
    │   └── InputFailedError            3   the device of an input failed: tried again
    ├── OutputFailedError               1   the device of the output failed: tried again
    ├── CancelledJobError               4   the job was cancelled
    ├── WaitTimeoutError   (TimeoutError) 5 what was waited for did not happen in time
    ├── CannotFitError     (MemoryError) 6  memory, disk or device are too small
    │   └── DiskFullError               6   the disk of the output is full; 75 once a job in the store has begun
    ├── SkippedBlocksError              7   the job is finished, but for blocks that failed and were skipped
    ├── BlockFailedError   (RuntimeError) 1 one block failed on every attempt
    ├── UserCodeError      (RuntimeError) 1 a function or a model of the user raised: not tried again
    ├── VerificationError  (ArithmeticError) 8 the result differs from NumPy's by more than its bound
    ├── NoSuchJobError     (LookupError) 10 no job has this id
    ├── OutputLockedError  (BlockingIOError) 11 another run writes the same output
    ├── JobRunningError    (BlockingIOError) 11 another process works on the same job
    └── InterruptedJobError             75  stopped before its end; can be resumed
        ├── StoreFullError (OSError)    75  no room for the job's own records
        └── DeviceFaultError            75  no device is left that works

Every error holds the four lines that a user is shown: what happened, the cause (the value met and the value allowed),
what is safe, and what to do next.
"""

from __future__ import annotations

__all__ = [
    "BlockFailedError", "CancelledJobError", "CannotFitError", "DeviceFaultError", "DiskFullError",
    "InputChangedError", "InputError", "InputFailedError", "InputUnsupportedError", "InterruptedJobError",
    "JobError", "JobRunningError", "NoSuchJobError", "OutputError", "OutputFailedError", "OutputLockedError",
    "SkippedBlocksError", "SpecError", "StoreFullError", "UnsafeFileError", "UserCodeError",
    "VerificationError", "WaitTimeoutError",
]  # fmt: skip

_PARTS = ("what", "cause", "safe", "next")


class JobError(Exception):
    """A job that cannot be done.

    Parameters
    ----------
    what : str
        What happened, in one line.
    cause : str
        The value met and the value allowed.
    safe : str
        What was not lost or not touched.
    next : str
        What to do about it.

    Examples
    --------
    >>> error = SpecError("axis 3 is out of bounds", cause="the array has 2 dimensions", next="use --axis 0 or 1")
    >>> error.exit_code, error.id
    (2, 'invalid-job')
    >>> print(error)
    axis 3 is out of bounds
      cause: the array has 2 dimensions
      next:  use --axis 0 or 1
    """

    exit_code = 1
    id = "job-failed"
    is_transient = False
    """Whether the same attempt may succeed a moment later."""

    def __init__(self, what: str, *, cause: str = "", safe: str = "", next: str = "") -> None:
        super().__init__(what, cause, safe, next)
        self.what, self.cause, self.safe, self.next = what, cause, safe, next

    def __str__(self) -> str:
        lines = [f"  {part + ':':<6} {text}" for part in _PARTS[1:] if (text := getattr(self, part))]
        return "\n".join([self.what, *lines])

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.cause, self.safe, self.next)


def _rebuild(kind: type[JobError], what: str, cause: str, safe: str, next_step: str) -> JobError:
    return kind(what, cause=cause, safe=safe, next=next_step)


class SpecError(JobError, ValueError):
    """A job file, an argument or the shapes of two inputs are wrong."""

    exit_code = 2
    id = "invalid-job"


class OutputError(SpecError):
    """The output exists, is an input, or cannot be created where it was asked for."""

    id = "output"


class InputError(JobError, OSError):
    """An input does not exist, cannot be read, or is not an array."""

    exit_code = 3
    id = "input"

    # OSError.__str__ prints errno; ours prints the four lines.
    __str__ = JobError.__str__


class InputUnsupportedError(InputError, TypeError):
    """An input is an array, of a dtype or kind that is not worked on."""

    id = "input-unsupported"


class InputChangedError(InputError):
    """An input was replaced, changed or truncated while the job ran."""

    id = "input-changed"


class UnsafeFileError(InputError):
    """A file would run code that it holds if it were loaded."""

    exit_code = 12
    id = "unsafe-file"


class InputFailedError(InputError):
    """The device of an input failed while it was read."""

    id = "input-failed"
    is_transient = True


class OutputFailedError(JobError):
    """The device of the output failed while it was written."""

    id = "output-failed"
    is_transient = True


class CannotFitError(JobError, MemoryError):
    """One task, the output or the device memory cannot fit in what there is."""

    exit_code = 6
    id = "cannot-fit"


class DiskFullError(CannotFitError):
    """The disk of the output is full, or a quota is used up."""

    id = "disk-full"


class BlockFailedError(JobError, RuntimeError):
    """One block failed on every attempt."""

    id = "block-failed"


class UserCodeError(JobError, RuntimeError):
    """A function or a model of the user raised, or returned what cannot be used; its cause is the user's traceback."""

    id = "user-code"


class VerificationError(JobError, ArithmeticError):
    """The result differs from NumPy's by more than the bound of its precision."""

    exit_code = 8
    id = "verification"


class OutputLockedError(JobError, BlockingIOError):
    """Another run writes the same output."""

    exit_code = 11
    id = "output-locked"

    __str__ = JobError.__str__


class CancelledJobError(JobError):
    """The job was cancelled; what it had done is kept."""

    exit_code = 4
    id = "cancelled"


class WaitTimeoutError(JobError, TimeoutError):
    """What was waited for did not happen in time."""

    exit_code = 5
    id = "timed-out"

    __str__ = JobError.__str__


class SkippedBlocksError(JobError):
    """The job is finished, but for blocks that failed and were skipped as the job asked."""

    exit_code = 7
    id = "skipped-blocks"


class NoSuchJobError(JobError, LookupError):
    """No job has this id."""

    exit_code = 10
    id = "no-such-job"


class JobRunningError(JobError, BlockingIOError):
    """Another process works on the same job."""

    exit_code = 11
    id = "job-running"

    __str__ = JobError.__str__


class InterruptedJobError(JobError):
    """The job stopped before its end and can be resumed."""

    exit_code = 75
    id = "interrupted"


class StoreFullError(InterruptedJobError, OSError):
    """There is no room, or no permission, for the job's own records."""

    id = "store-full"

    __str__ = JobError.__str__


class DeviceFaultError(InterruptedJobError):
    """A device gives errors that only a new process, or nothing, can mend."""

    id = "device-fault"
