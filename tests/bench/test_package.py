"""What is told of the modules that a new worker loads."""

from bench.package import packages_of, shortened


def test_modules_are_told_by_their_owner():
    """Ours and the standard library's are each one; the libraries stay apart."""
    modules = ["function_app", "shared.settings", "handlers.health", "json.decoder", "aiohttp", "aiohttp.web"]

    assert packages_of(modules) == [("ours", 3), ("aiohttp", 2), ("the standard library", 1)]


def test_a_long_list_ends_in_one_line_for_the_others():
    """Nothing of the sum is lost."""
    assert shortened([("ours", 3), ("aiohttp", 2), ("yarl", 1), ("idna", 1)], 2) == [
        ("ours", 3),
        ("aiohttp", 2),
        ("others", 2),
    ]
