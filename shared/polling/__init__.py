"""Asks eMabler over REST what push should have told: notices gaps, closes them, and keeps account of both."""
