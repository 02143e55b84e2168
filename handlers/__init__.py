"""One module for each trigger: Azure's types in, Azure's types out, and no decisions."""
