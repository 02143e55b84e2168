"""From events to rows: what each event leaves behind (pure), and how it gets into the tables."""
