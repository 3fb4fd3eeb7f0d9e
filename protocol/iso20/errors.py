"""Errors of the protocol: ours or the peer's. Both know the response code that would report them."""

from protocol.iso20.codes import ResponseCode

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError"]


class ProtocolError(Exception):
    """A message or a step that the standard forbids."""

    def __init__(self, message: str, *, response_code: ResponseCode = ResponseCode.FAILED) -> None:
        super().__init__(message)
        self.response_code = response_code


class LocalProtocolError(ProtocolError, ValueError):
    """We were asked to make or send something wrong."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something wrong."""
