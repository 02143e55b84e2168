"""The vendor's language and nothing else: what eMabler writes, turned into our events."""
