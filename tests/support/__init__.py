"""What the tests of several parts share: local servers, doubles and stand-ins."""
