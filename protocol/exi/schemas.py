"""The four schema sets and their document grammars: which root code is which message.

A root code counts all global elements of a schema with the schemas it includes, sorted by local name; those that are
no message are named here, as the code of a message depends on how many stand before it. EXI 1.0, section 8.5.1.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from protocol.iso20 import ac, common, dc, metering, parking
from protocol.schema import ComplexType

__all__ = ["PAYLOAD_TYPES", "SCHEMAS", "Schema", "schema_of"]


class Schema(NamedTuple):
    """One schema set: `roots` in the order of their codes, and the messages among them."""

    name: str
    namespace: str
    payload_type: int
    roots: tuple[str, ...]
    messages: Mapping[str, type[ComplexType]]

    @property
    def width(self) -> int:
        """Bits of a root code, the wildcard included."""
        return len(self.roots).bit_length()


_XMLDSIG: Final = [
    "CanonicalizationMethod",
    "DSAKeyValue",
    "DigestMethod",
    "DigestValue",
    "KeyInfo",
    "KeyName",
    "KeyValue",
    "Manifest",
    "MgmtData",
    "Object",
    "PGPData",
    "RSAKeyValue",
    "Reference",
    "RetrievalMethod",
    "SPKIData",
    "Signature",
    "SignatureMethod",
    "SignatureProperties",
    "SignatureProperty",
    "SignatureValue",
    "SignedInfo",
    "Transform",
    "Transforms",
    "X509Data",
]
_COMMON_TYPES: Final = ["CLReqControlMode", "CLResControlMode"]
_CERTIFICATES: Final = [
    "CertificateInstallationReq",
    "CertificateInstallationRes",
    "SignedInstallationData",
    "SignedMeteringData",
]
_NAMESPACE: Final = "urn:iso:std:iso:15118:-20:"


def _messages(prefix: str, *modules: Any) -> dict[str, type[ComplexType]]:
    """Declared messages of one schema, by their name on the wire."""
    held = (cls for module in modules for cls in vars(module).values() if isinstance(cls, type))
    return {
        cls.wire_name: cls
        for cls in held
        if issubclass(cls, ComplexType) and cls.xsd.startswith(prefix) and cls.wire_name.endswith(("Req", "Res"))
    }


def _schema(name: str, payload_type: int, messages: dict[str, type[ComplexType]], others: list[str]) -> Schema:
    """A schema set with all its global elements in order; heads and members of substitution groups are global."""
    groups = {
        option.name
        for cls in messages.values()
        for particle in cls.particles
        if particle.group
        for option in particle.options
    }
    return Schema(name, _NAMESPACE + name, payload_type, tuple(sorted({*messages, *groups, *others})), messages)


_SAP: Final = _messages("sap:", common)
_SETS: Final = (
    Schema("SAP", "urn:iso:15118:2:2010:AppProtocol", 0x8001, tuple(sorted(_SAP)), _SAP),
    _schema(
        "CommonMessages",
        0x8002,
        _messages("cm:", common, metering, parking),
        [*_XMLDSIG, *_COMMON_TYPES, *_CERTIFICATES],
    ),
    _schema("AC", 0x8003, _messages("ac:", ac), [*_XMLDSIG, *_COMMON_TYPES]),
    _schema("DC", 0x8004, _messages("dc:", dc), [*_XMLDSIG, *_COMMON_TYPES]),
)
SCHEMAS: Final[Mapping[str, Schema]] = {schema.name: schema for schema in _SETS}
PAYLOAD_TYPES: Final[Mapping[int, Schema]] = {schema.payload_type: schema for schema in _SETS}
_SCHEMA_OF: Final = {cls: schema for schema in _SETS for cls in schema.messages.values()}


def schema_of(message: type[ComplexType]) -> Schema:
    """The schema set of a message's class; raises KeyError if it is no message."""
    return _SCHEMA_OF[message]
