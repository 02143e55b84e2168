"""Table Storage: keys and escaping, batches, conditional writes, error mapping."""
