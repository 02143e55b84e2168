"""What the functions do, apart from being functions: eMabler's language, our events, ingest, tables."""
