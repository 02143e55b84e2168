"""What becomes of an error: each of eMabler's has a code and a text that are not storage's."""

import pytest

from ops.exits import ExitCode, exit_code_of, message_of
from shared.emabler.rest import errors
from shared.errors import EmablerError, StorageUnavailable

REST_ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
CODES = {errors.NotFound: ExitCode.NOT_FOUND, errors.RequestRefused: ExitCode.INPUT_HAS_PROBLEMS}


def _raised(kind):
    return kind("odd", permission="ReadSites") if kind is errors.PermissionMissing else kind("odd")


@pytest.mark.parametrize("kind", REST_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_rest_api_has_a_code_that_is_not_storages(kind):
    """Also those that nobody has thought of yet."""
    assert issubclass(kind, EmablerError)
    assert exit_code_of(_raised(kind)) is CODES.get(kind, ExitCode.EMABLER_FAILS)


@pytest.mark.parametrize("kind", REST_ERRORS, ids=lambda kind: kind.__name__)
def test_no_error_of_the_rest_api_sends_people_to_storage(kind):
    """Its text stays at the front of what is said."""
    assert message_of(_raised(kind)).startswith("odd")
    assert "EventStorage" not in message_of(_raised(kind))


def test_storage_keeps_its_own():
    """As before."""
    assert exit_code_of(StorageUnavailable("odd")) is ExitCode.STORAGE_FAILS
    assert "EventStorage" in message_of(StorageUnavailable("odd"))
