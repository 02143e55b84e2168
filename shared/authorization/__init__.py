"""Whether a tag may charge at a charger now: the rules (pure), the registry of tags, and the record of every answer."""
