"""What Service Bus promises, with no wire and no clock of its own in it."""
