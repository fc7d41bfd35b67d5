"""Whatever goes wrong on the way to the Hub, as one sentence that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from safetensors import SafetensorError

from ...errors import WeightsUnavailable

INSTEAD = "or use family 'compact', which is here."
REPO = "STYLE_CORE_REPO"
DELAYS = (0.5, 1.0, 2.0, 4.0)  # s before the tries after the first
TRIES = len(DELAYS) + 1


class CutShort(Exception):
    """The connection ended before the bytes asked for."""


class BadStatus(Exception):
    """The host answered a range with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@contextmanager
def explained(what: str, repo: str) -> Iterator[None]:
    """Whatever goes wrong on the way to the Hub, as one sentence."""
    try:
        yield
    except Exception as error:
        reason = _reason(error, repo)
        if reason is None:
            raise
        raise WeightsUnavailable(f"{what} could not be fetched: {reason}") from error


def http_errors(session: Any) -> tuple[type[Exception], ...]:
    """The base error of the HTTP library the Hub's library uses, whichever that is."""
    library = import_module(type(session).__module__.partition(".")[0])
    return (library.HTTPError, ConnectionError, TimeoutError)


def status_code(error: BaseException | None) -> int | None:
    """The HTTP status an error is about."""
    if isinstance(error, BadStatus):
        return error.code
    return getattr(getattr(error, "response", None), "status_code", None)


def may_pass(error: BaseException) -> bool:
    """Whether waiting and asking again can help: no answer, "slow down" (429), or a server's failure."""
    code = status_code(error)
    return code is None or code == 429 or code >= 500


def _reason(error: BaseException, repo: str) -> str | None:
    """What to say of an error; ``None`` where it is not one of the Hub's."""
    from huggingface_hub import constants, errors, get_session

    if isinstance(error, errors.LocalEntryNotFoundError):
        if error.__cause__ is not None and _reason(error.__cause__, repo) is not None:
            return _reason(error.__cause__, repo)
        if constants.HF_HUB_OFFLINE:
            return f"they are not in the cache and HF_HUB_OFFLINE is set; unset it, {INSTEAD}"
        return f"the Hub at {constants.ENDPOINT} cannot be reached; check the connection, {INSTEAD}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"they are not in the cache and HF_HUB_OFFLINE is set; unset it, {INSTEAD}"
    if isinstance(error, errors.GatedRepoError):
        return f"access to {repo} has to be asked for on its page, with HF_TOKEN set to your token; {INSTEAD}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo} has no such revision; name another, {INSTEAD}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"there is no repository {repo} at {constants.ENDPOINT}, or it is private; check the name, set "
            f"HF_TOKEN, {INSTEAD}"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return f"{repo} has no such file; use another revision, {INSTEAD}"
    code = status_code(error)
    if code is not None:
        return _status_reason(code, repo)
    if isinstance(error, SafetensorError):
        return f"the file cannot be written or read ({error}); look at the disk, {INSTEAD}"
    if isinstance(error, CutShort):
        return f"the connection broke again and again; what has arrived is kept, so try again, {INSTEAD}"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full; make room or set HF_HOME to another one, {INSTEAD}"
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR}:
        return (
            f"the cache {constants.HF_HOME!r} cannot be written; set HF_HOME to a folder that can, {INSTEAD}"
        )
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return f"what arrived is shorter than the file; try again, {INSTEAD}"
    if isinstance(error, http_errors(get_session())):
        name = type(error).__name__
        if "Timeout" in name:
            return f"the Hub at {constants.ENDPOINT} does not answer in time; try again later, {INSTEAD}"
        return f"the Hub at {constants.ENDPOINT} cannot be reached ({name}); check the connection, {INSTEAD}"
    return None


def _status_reason(code: int, repo: str) -> str:
    if code == 401:
        return f"the Hub asks for a valid token (401); set HF_TOKEN or unset a wrong one, {INSTEAD}"
    if code == 403:
        return f"the Hub forbids it (403); check that your token may read {repo}, {INSTEAD}"
    if code == 404:
        return f"{repo} has no such file (404); use another revision, {INSTEAD}"
    if code == 429:
        return f"the Hub asks to slow down (429), after {TRIES} tries; try again later, {INSTEAD}"
    return f"the Hub fails ({code}), after {TRIES} tries; try again later, {INSTEAD}"
