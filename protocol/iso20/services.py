"""Energy transfer services as rows: the classes, the sequence and the parameter sets that belong to each one.

What differs between AC and DC, with or without BPT, Scheduled or Dynamic is looked up here and compared nowhere else.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from protocol.iso20 import sequence
from protocol.iso20.ac import (
    ACChargeLoopReq,
    ACChargeLoopRes,
    ACChargeParameterDiscoveryReq,
    ACChargeParameterDiscoveryRes,
    ACCPDReqEnergyTransferMode,
    ACCPDResEnergyTransferMode,
    BPTACCPDReqEnergyTransferMode,
    BPTACCPDResEnergyTransferMode,
    BPTDynamicACCLReqControlMode,
    BPTDynamicACCLResControlMode,
    BPTScheduledACCLReqControlMode,
    BPTScheduledACCLResControlMode,
    DynamicACCLReqControlMode,
    DynamicACCLResControlMode,
    ScheduledACCLReqControlMode,
    ScheduledACCLResControlMode,
)
from protocol.iso20.codes import (
    ACConnector,
    BPTChannel,
    ControlMode,
    DCConnector,
    GeneratorMode,
    GridCodeIslandingDetectionMethod,
    MobilityNeedsMode,
    Pricing,
    ServiceID,
)
from protocol.iso20.common import Parameter, ParameterSet, ServiceParameterList
from protocol.iso20.dc import (
    BPTDCCPDReqEnergyTransferMode,
    BPTDCCPDResEnergyTransferMode,
    BPTDynamicDCCLReqControlMode,
    BPTDynamicDCCLResControlMode,
    BPTScheduledDCCLReqControlMode,
    BPTScheduledDCCLResControlMode,
    DCChargeLoopReq,
    DCChargeLoopRes,
    DCChargeParameterDiscoveryReq,
    DCChargeParameterDiscoveryRes,
    DCCPDReqEnergyTransferMode,
    DCCPDResEnergyTransferMode,
    DynamicDCCLReqControlMode,
    DynamicDCCLResControlMode,
    ScheduledDCCLReqControlMode,
    ScheduledDCCLResControlMode,
)
from protocol.iso20.recall import read_once
from protocol.schema import ComplexType

__all__ = [
    "AC_NAMESPACE",
    "DC_NAMESPACE",
    "SERVICES",
    "VARIANTS",
    "Agreed",
    "Service",
    "Variant",
    "parameter_sets",
    "read_variants",
    "variants_offered",
]

AC_NAMESPACE: Final = "urn:iso:std:iso:15118:-20:AC"
DC_NAMESPACE: Final = "urn:iso:std:iso:15118:-20:DC"


class Service(NamedTuple):
    """One energy transfer service."""

    id: ServiceID
    namespace: str  # agreed in the protocol handshake; it decides which services can be offered
    is_dc: bool
    is_bpt: bool
    transitions: sequence.Table
    discovery_request: type[ComplexType]
    discovery_request_mode: type[ComplexType]
    discovery_response: type[ComplexType]
    discovery_response_mode: type[ComplexType]
    loop_request: type[ComplexType]
    loop_response: type[ComplexType]
    loop_request_modes: Mapping[ControlMode, type[ComplexType]]
    loop_response_modes: Mapping[ControlMode, type[ComplexType]]

    @property
    def name(self) -> str:
        """Name in print and scenarios, such as `DC_BPT`."""
        return self.id.name

    def __hash__(self) -> int:  # the tables in it have none; there is one row for each id
        return hash(self.id)


class Variant(NamedTuple):
    """What a parameter set settles about control."""

    parameter_set_id: int
    control_mode: ControlMode
    mobility_needs_mode: MobilityNeedsMode


class Agreed(NamedTuple):
    """What both ends are bound to after ServiceSelection; the phases follow with ChargeParameterDiscovery."""

    service: Service
    parameter_set_id: int
    control_mode: ControlMode
    mobility_needs_mode: MobilityNeedsMode
    per_phase: bool = False  # powers are stated phase by phase
    single_phase: bool = False  # and L2 and L3 stay empty


_AC: Final = Service(
    id=ServiceID.AC,
    namespace=AC_NAMESPACE,
    is_dc=False,
    is_bpt=False,
    transitions=sequence.AC,
    discovery_request=ACChargeParameterDiscoveryReq,
    discovery_request_mode=ACCPDReqEnergyTransferMode,
    discovery_response=ACChargeParameterDiscoveryRes,
    discovery_response_mode=ACCPDResEnergyTransferMode,
    loop_request=ACChargeLoopReq,
    loop_response=ACChargeLoopRes,
    loop_request_modes={
        ControlMode.SCHEDULED: ScheduledACCLReqControlMode,
        ControlMode.DYNAMIC: DynamicACCLReqControlMode,
    },
    loop_response_modes={
        ControlMode.SCHEDULED: ScheduledACCLResControlMode,
        ControlMode.DYNAMIC: DynamicACCLResControlMode,
    },
)
_DC: Final = Service(
    id=ServiceID.DC,
    namespace=DC_NAMESPACE,
    is_dc=True,
    is_bpt=False,
    transitions=sequence.DC,
    discovery_request=DCChargeParameterDiscoveryReq,
    discovery_request_mode=DCCPDReqEnergyTransferMode,
    discovery_response=DCChargeParameterDiscoveryRes,
    discovery_response_mode=DCCPDResEnergyTransferMode,
    loop_request=DCChargeLoopReq,
    loop_response=DCChargeLoopRes,
    loop_request_modes={
        ControlMode.SCHEDULED: ScheduledDCCLReqControlMode,
        ControlMode.DYNAMIC: DynamicDCCLReqControlMode,
    },
    loop_response_modes={
        ControlMode.SCHEDULED: ScheduledDCCLResControlMode,
        ControlMode.DYNAMIC: DynamicDCCLResControlMode,
    },
)

SERVICES: Final[Mapping[ServiceID, Service]] = {
    ServiceID.AC: _AC,
    ServiceID.DC: _DC,
    ServiceID.AC_BPT: _AC._replace(
        id=ServiceID.AC_BPT,
        is_bpt=True,
        discovery_request_mode=BPTACCPDReqEnergyTransferMode,
        discovery_response_mode=BPTACCPDResEnergyTransferMode,
        loop_request_modes={
            ControlMode.SCHEDULED: BPTScheduledACCLReqControlMode,
            ControlMode.DYNAMIC: BPTDynamicACCLReqControlMode,
        },
        loop_response_modes={
            ControlMode.SCHEDULED: BPTScheduledACCLResControlMode,
            ControlMode.DYNAMIC: BPTDynamicACCLResControlMode,
        },
    ),
    ServiceID.DC_BPT: _DC._replace(
        id=ServiceID.DC_BPT,
        is_bpt=True,
        discovery_request_mode=BPTDCCPDReqEnergyTransferMode,
        discovery_response_mode=BPTDCCPDResEnergyTransferMode,
        loop_request_modes={
            ControlMode.SCHEDULED: BPTScheduledDCCLReqControlMode,
            ControlMode.DYNAMIC: BPTDynamicDCCLReqControlMode,
        },
        loop_response_modes={
            ControlMode.SCHEDULED: BPTScheduledDCCLResControlMode,
            ControlMode.DYNAMIC: BPTDynamicDCCLResControlMode,
        },
    ),
}

# Both modes must be on offer (V2G20-2656). The last set, in which the station may state departure and target, joins
# at a station that would state them.
VARIANTS: Final = (
    Variant(1, ControlMode.SCHEDULED, MobilityNeedsMode.EVCC),
    Variant(2, ControlMode.DYNAMIC, MobilityNeedsMode.EVCC),
    Variant(3, ControlMode.DYNAMIC, MobilityNeedsMode.SECC),
)


@cache
def variants_offered(settles_needs: bool) -> tuple[Variant, ...]:
    """Those of a station that would settle the EV's needs, or would not."""
    return tuple(
        variant for variant in VARIANTS if settles_needs or variant.mobility_needs_mode is MobilityNeedsMode.EVCC
    )


@cache
def parameter_sets(
    service_id: ServiceID,
    ac_connector: ACConnector,
    dc_connector: DCConnector,
    nominal_v: int,
    settles_needs: bool = False,
) -> ServiceParameterList:
    """The parameter sets of a service as ServiceDetailRes carries them; `nominal_v` is line to neutral [V].

    Messages are values: all sessions of equal stations share one.
    """
    service = SERVICES[service_id]
    fixed: dict[str, int] = {"Connector": dc_connector if service.is_dc else ac_connector}
    if not service.is_dc:
        fixed["EVSENominalVoltage"] = nominal_v
    fixed["Pricing"] = Pricing.NONE
    if service.is_bpt:
        fixed["BPTChannel"] = BPTChannel.UNIFIED
        fixed["GeneratorMode"] = GeneratorMode.GRID_FOLLOWING
        if not service.is_dc:
            fixed["GridCodeIslandingDetectionMethod"] = GridCodeIslandingDetectionMethod.PASSIVE
    return ServiceParameterList(
        parameter_set=tuple(
            ParameterSet(
                parameter_set_id=variant.parameter_set_id,
                parameter=tuple(
                    Parameter(name=name, int_value=int(value))
                    for name, value in {
                        "ControlMode": variant.control_mode,
                        "MobilityNeedsMode": variant.mobility_needs_mode,
                        **fixed,
                    }.items()
                ),
            )
            for variant in variants_offered(settles_needs)
        )
    )


@read_once
def read_variants(offered: ServiceParameterList) -> tuple[Variant, ...]:
    """The variants in a ServiceDetailRes, in its order. Unknown parameters are ignored, unusable sets left out."""
    variants = []
    for parameter_set in offered.parameter_set:
        control_mode: ControlMode | None = None
        mobility_needs_mode: MobilityNeedsMode | None = MobilityNeedsMode.EVCC
        for parameter in parameter_set.parameter:
            if parameter.name == "ControlMode":
                control_mode = _CONTROL_MODES.get(parameter.int_value)
            elif parameter.name == "MobilityNeedsMode" and parameter.int_value:
                mobility_needs_mode = _MOBILITY_NEEDS_MODES.get(parameter.int_value)
        if control_mode is not None and mobility_needs_mode is not None:
            variant = Variant(parameter_set.parameter_set_id, control_mode, mobility_needs_mode)
            variants.append(_USUAL.get(variant, variant))
    return tuple(variants)


_USUAL: Final = {variant: variant for variant in VARIANTS}  # equal ones are one object
_CONTROL_MODES: Final[Mapping[int | None, ControlMode]] = {int(mode): mode for mode in ControlMode}
_MOBILITY_NEEDS_MODES: Final[Mapping[int | None, MobilityNeedsMode]] = {int(mode): mode for mode in MobilityNeedsMode}
