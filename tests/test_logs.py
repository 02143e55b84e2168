"""No tag, token, key or message body is in any log line of the whole run; this file's tests come last."""

import logging

from tests.support.leaks import LeakWatch, leaking_lines
from tests.support.tapping import MARKER, TOKEN


def test_a_secret_in_a_line_is_found():
    """In its text, in its values, in the traceback behind it; and an innocent line is not."""
    watch = LeakWatch()
    log = logging.Logger("test", logging.INFO)  # noqa: LOG001  # apart from the others: the run's watch must not see it
    log.addHandler(watch)
    log.info("tap answered rule=%s", "allowed")
    log.debug("below what is sent: %s", TOKEN)
    assert (watch.leaks, watch.lines) == ([], 1)

    log.info("Authorization: %s", TOKEN)
    log.warning("tag=%s", "TAG123")
    log.error("failed", exc_info=ValueError('{"chargerId": "C1"}'))

    assert len(watch.leaks) == 3


def test_a_secret_in_the_output_of_a_process_is_found():
    """For the hosts that tests start."""
    assert leaking_lines(f"one\ntoken {TOKEN}\nthree") == [f"token {TOKEN}"]


def test_the_watch_of_this_run_is_listening(leak_watch):
    """A line planted in any logger reaches it; otherwise the next test could not fail."""
    logging.getLogger("shared.planted").warning("a tag %s", f"{MARKER}planted")

    assert leak_watch.leaks.pop().endswith(f"a tag {MARKER}planted")


def test_no_line_of_this_run_holds_a_secret(leak_watch):
    """Every line of INFO and above, of our code and of every library, of all tests before this one."""
    assert leak_watch.leaks == []
