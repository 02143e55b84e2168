"""`emabler`, the operator's command: lists of tags, and why a tap was answered as it was. Not deployed."""
