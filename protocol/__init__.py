"""The protocols: messages, sequences and sessions as values. No clock, no files, no physics."""
