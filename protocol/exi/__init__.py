"""EXI, the byte form of messages: derived from the declarations of `protocol.iso20`, no second description of any."""
