"""One tree of errors; each has a stable code, an exit status and an HTTP status.

NeuraLibError
├── UsageError            wrong option or task value                      2   400
├── MissingError          something is missing here; nothing was started  3   503
│   ├── ModelMissing      no such checkpoint on this machine
│   ├── EngineMissing     a library is not installed
│   ├── EncoderMissing    the output format cannot be written here
│   └── DeviceMissing     the device is not there, or out of memory
├── InputError            this input cannot be used; others can           1   422
│   ├── InputNotFound     no such file
│   ├── NoAudio           a folder, file or stream without audio
│   └── DecodeError       the bytes are not the audio they claim to be
├── ModelError            a checkpoint is damaged, refused or unknown     3   422
│   ├── UnknownModel      not a name of the catalogue, nor a file
│   ├── CheckpointError   the file is not a checkpoint that can be loaded
│   └── DownloadError     a download failed, or is not what it should be
├── OutputError           a result cannot be written                      1   507
├── RunError              a run on the cluster was ended for it           1   500
│   ├── Poisoned          it took its worker down again and again
│   └── TimeLimitExceeded it ran longer than the cluster allows
├── ClusterError          the server cannot be reached, or refused        4   503
│   ├── ServerUnreachable the gateway does not answer
│   ├── DatabaseUnreachable
│   ├── QueueUnreachable
│   ├── EventsUnreachable
│   ├── StorageUnreachable
│   ├── Unauthorized      no key, or one that does not count              4   401
│   ├── NotFound          no such sample, job, artifact or key            4   404
│   ├── Conflict          the state of a thing does not allow it          4   409
│   └── TooLarge          the upload is larger than the server takes      4   413
├── Cancelled             interrupted by the user                       130   409
└── InternalError         a fault of NeuraLib itself                      1   500

Columns on the right: exit status of the command line, status of the HTTP API.
"""

from __future__ import annotations

import errno
from os import PathLike, fspath
from typing import ClassVar


class NeuraLibError(Exception):
    """Base of all errors that NeuraLib raises on purpose.

    The message is one line: what was received, what is allowed, what to do next.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        """The text for a person, on one line."""
        return " ".join(str(self).split())


class UsageError(NeuraLibError):
    """A command or a task was written wrongly; nothing was started."""

    code = "usage"
    exit_status = 2
    http_status = 400


class MissingError(NeuraLibError):
    """Something that this machine needs is not there; nothing was started."""

    code = "missing"
    exit_status = 3
    http_status = 503


class ModelMissing(MissingError):
    """The checkpoint is not in the models folder."""

    code = "model_missing"


class EngineMissing(MissingError):
    """A library that a task needs is not installed, or damaged."""

    code = "engine_missing"


class EncoderMissing(MissingError):
    """The chosen output format cannot be written with the installed libraries."""

    code = "encoder_missing"


class DeviceMissing(MissingError):
    """The chosen device is not present, or has too little memory."""

    code = "device_missing"


class InputError(NeuraLibError):
    """One input cannot be used; the rest of a batch goes on."""

    code = "input"
    http_status = 422


class InputNotFound(InputError):
    """The path names nothing that can be read."""

    code = "input_not_found"
    http_status = 404


class NoAudio(InputError):
    """A folder without audio files, or a file without an audio stream or samples."""

    code = "no_audio"


class DecodeError(InputError):
    """The bytes are damaged, or are not what the name says."""

    code = "decode"


class ModelError(NeuraLibError):
    """A checkpoint cannot be used; nothing was started."""

    code = "model"
    exit_status = 3
    http_status = 422


class UnknownModel(ModelError):
    """Neither a name of the catalogue nor an existing file."""

    code = "unknown_model"


class CheckpointError(ModelError):
    """The file is damaged, or is not a checkpoint of the expected kind."""

    code = "checkpoint"


class DownloadError(ModelError):
    """A checkpoint could not be fetched whole and unchanged."""

    code = "download"
    http_status = 502


class OutputError(NeuraLibError):
    """A result cannot be written: no permission, no space, or a name in the way."""

    code = "output"
    http_status = 507


def cannot_write(what: str | PathLike[str], error: OSError) -> OutputError:
    """Say that `what` cannot be written, why, and what to do."""
    reason = error.strerror or str(error)
    advice = _WRITE_ADVICE.get(error.errno or 0, "choose another place with -o")
    return OutputError(f"cannot write {fspath(what)!r}: {reason}; {advice}")


_WRITE_ADVICE = {
    errno.ENOSPC: "free some space, or choose another folder with -o",
    errno.EDQUOT: "free some space, or choose another folder with -o",
    errno.EFBIG: "choose a folder on another file system with -o",
    errno.ENOENT: "its folder is gone, or cannot be made: choose another one with -o",
    errno.EACCES: "change its permissions, or choose another folder with -o",
    errno.EPERM: "change its permissions, or choose another folder with -o",
    errno.EROFS: "choose another folder with -o",
    errno.EISDIR: "a folder has this name: move it away, or choose another folder with -o",
    errno.ENOTDIR: "a file is where a folder should be: choose another folder with -o",
    errno.EEXIST: "a file is where a folder should be: choose another folder with -o",
    errno.ENAMETOOLONG: "rename the input, or choose another folder with -o",
}


class RunError(NeuraLibError):
    """The cluster ended a run for a reason that lies in the run."""

    code = "run"


class Poisoned(RunError):
    """The job took its worker down as often as the cluster lets it."""

    code = "poisoned"


class TimeLimitExceeded(RunError):
    """The job ran longer than the cluster allows."""

    code = "time_limit"


class ClusterError(NeuraLibError):
    """The server or the cluster cannot be reached, or refused."""

    code = "cluster"
    exit_status = 4
    http_status = 503


class ServerUnreachable(ClusterError):
    """The gateway does not answer, or something else does in its place."""

    code = "server_unreachable"


class DatabaseUnreachable(ClusterError):
    """The SQL database does not answer."""

    code = "database_unreachable"


class QueueUnreachable(ClusterError):
    """The broker of the queues does not answer."""

    code = "queue_unreachable"


class EventsUnreachable(ClusterError):
    """The bus of the events does not answer."""

    code = "events_unreachable"


class StorageUnreachable(ClusterError):
    """The object storage does not answer, or refuses the credentials."""

    code = "storage_unreachable"


class Unauthorized(ClusterError):
    """The server wants a key, and got none or one that does not count."""

    code = "unauthorized"
    http_status = 401


class NotFound(ClusterError):
    """There is no such sample, job, artifact or key, or it is somebody else's."""

    code = "not_found"
    http_status = 404


class Conflict(ClusterError):
    """The state of a job or a key does not allow what was asked for."""

    code = "conflict"
    http_status = 409


class TooLarge(ClusterError):
    """The upload is larger than the server takes."""

    code = "too_large"
    http_status = 413


class Cancelled(NeuraLibError):
    """The user interrupted the run."""

    code = "cancelled"
    exit_status = 130
    http_status = 409


class InternalError(NeuraLibError):
    """A fault of NeuraLib itself, with the advice to report it."""

    code = "internal"


def error_class(code: str) -> type[NeuraLibError]:
    """Find the error that has this code, for what a server or a worker tells; else the base."""
    waiting = [NeuraLibError]
    while waiting:
        found = waiting.pop()
        if found.code == code:
            return found
        waiting += found.__subclasses__()
    return NeuraLibError
