"""What can go wrong in a demo, beside what the stack reports."""


class DemoFailed(Exception):
    """Something did not happen as promised."""
