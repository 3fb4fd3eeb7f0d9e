"""When people come, when they leave, what they need."""
