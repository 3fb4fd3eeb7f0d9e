"""The error of a document that is not what the schema allows: where in the message, at which bit, and why."""

from protocol.iso20.errors import RemoteProtocolError

__all__ = ["EXIError"]


class EXIError(RemoteProtocolError):
    """A byte string that cannot be read as a message.

    `path` is the element as far as it is known (`DC_ChargeLoopReq.Header.SessionID`), `bit` counts from 0 at the first
    bit of the document, and `detail` says what was found and what was expected.
    """

    def __init__(self, path: str, bit: int, detail: str) -> None:
        super().__init__(f"{path or 'document'}, bit {bit}: {detail}")
        self.path = path
        self.bit = bit
        self.detail = detail
