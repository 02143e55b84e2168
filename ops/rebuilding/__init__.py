"""Projections made again from the archive: what each row ought to be, how it differs, and how it is mended."""
