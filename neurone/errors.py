"""The errors that a user can do something about, and the exit code of each."""


class NeuroneError(Exception):
    """Something the user can fix; the message says what, where and how. Commands exit with `exit_code`."""

    exit_code = 2


class InputError(NeuroneError, ValueError):
    """An option, an array or a file is not what it should be."""


class LearningWarning(UserWarning):
    """A training came to an end, but learnt nothing or little; the message says what to do."""


class ExtraError(NeuroneError, ImportError):
    """An optional package is missing; the message names the extra that installs it."""


class DivergenceError(NeuroneError, ArithmeticError, ValueError):
    """Training produced parameters that are not finite."""

    exit_code = 3
