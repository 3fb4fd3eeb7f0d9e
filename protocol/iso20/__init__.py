"""ISO 15118-20: messages, the legal sequence and both ends of a session, without input or output."""
