"""Enumerations of ISO 15118-20. The wire spelling is the value; the order is that of the schema, which EXI counts.

Numbers that travel as parameters of a service (control mode, connector, ...) are `IntEnum`.
"""

from enum import Enum, IntEnum

__all__ = [
    "ACConnector",
    "AppProtocolCode",
    "Authorization",
    "BPTChannel",
    "ChannelSelection",
    "ChargeProgress",
    "ChargingSession",
    "ControlMode",
    "DCConnector",
    "EVCheckInStatus",
    "EVCheckOutStatus",
    "EVSECheckOutStatus",
    "EVSENotification",
    "GeneratorMode",
    "GridCodeIslandingDetectionMethod",
    "MobilityNeedsMode",
    "ParkingMethod",
    "PowerToleranceAcceptance",
    "Pricing",
    "Processing",
    "ResponseCode",
    "ServiceID",
]


class Code(Enum):
    """A code of the standard. Each member is one object and hashes as one; Enum's own hash is a function in Python."""

    __hash__ = object.__hash__


class AppProtocolCode(Code):
    """Result of the protocol handshake; the handshake has response codes of its own."""

    OK_SUCCESSFUL_NEGOTIATION = "OK_SuccessfulNegotiation"
    OK_SUCCESSFUL_NEGOTIATION_WITH_MINOR_DEVIATION = "OK_SuccessfulNegotiationWithMinorDeviation"
    FAILED_NO_NEGOTIATION = "Failed_NoNegotiation"


# Warnings under which a request is granted all the same.
_INFORMING = ("WARNING_EVPowerProfileViolation", "WARNING_PowerToleranceNotConfirmed")


class ResponseCode(Code):
    """Result of every other request. OK goes on, WARNING keeps the session alive, FAILED ends it."""

    OK = "OK"
    OK_CERTIFICATE_EXPIRES_SOON = "OK_CertificateExpiresSoon"
    OK_NEW_SESSION_ESTABLISHED = "OK_NewSessionEstablished"
    OK_OLD_SESSION_JOINED = "OK_OldSessionJoined"
    OK_POWER_TOLERANCE_CONFIRMED = "OK_PowerToleranceConfirmed"
    WARNING_AUTHORIZATION_SELECTION_INVALID = "WARNING_AuthorizationSelectionInvalid"
    WARNING_CERTIFICATE_EXPIRED = "WARNING_CertificateExpired"
    WARNING_CERTIFICATE_NOT_YET_VALID = "WARNING_CertificateNotYetValid"
    WARNING_CERTIFICATE_REVOKED = "WARNING_CertificateRevoked"
    WARNING_CERTIFICATE_VALIDATION_ERROR = "WARNING_CertificateValidationError"
    WARNING_CHALLENGE_INVALID = "WARNING_ChallengeInvalid"
    WARNING_EIM_AUTHORIZATION_FAILURE = "WARNING_EIMAuthorizationFailure"
    WARNING_EMSP_UNKNOWN = "WARNING_eMSPUnknown"
    WARNING_EV_POWER_PROFILE_VIOLATION = "WARNING_EVPowerProfileViolation"
    WARNING_GENERAL_PNC_AUTHORIZATION_ERROR = "WARNING_GeneralPnCAuthorizationError"
    WARNING_NO_CERTIFICATE_AVAILABLE = "WARNING_NoCertificateAvailable"
    WARNING_NO_CONTRACT_MATCHING_PCID_FOUND = "WARNING_NoContractMatchingPCIDFound"
    WARNING_POWER_TOLERANCE_NOT_CONFIRMED = "WARNING_PowerToleranceNotConfirmed"
    WARNING_SCHEDULE_RENEGOTIATION_FAILED = "WARNING_ScheduleRenegotiationFailed"
    WARNING_STANDBY_NOT_ALLOWED = "WARNING_StandbyNotAllowed"
    WARNING_WPT = "WARNING_WPT"
    FAILED = "FAILED"
    FAILED_ASSOCIATION_ERROR = "FAILED_AssociationError"
    FAILED_CONTACTOR_ERROR = "FAILED_ContactorError"
    FAILED_EV_POWER_PROFILE_INVALID = "FAILED_EVPowerProfileInvalid"
    FAILED_EV_POWER_PROFILE_VIOLATION = "FAILED_EVPowerProfileViolation"
    FAILED_METERING_SIGNATURE_NOT_VALID = "FAILED_MeteringSignatureNotValid"
    FAILED_NO_ENERGY_TRANSFER_SERVICE_SELECTED = "FAILED_NoEnergyTransferServiceSelected"
    FAILED_NO_SERVICE_RENEGOTIATION_SUPPORTED = "FAILED_NoServiceRenegotiationSupported"
    FAILED_PAUSE_NOT_ALLOWED = "FAILED_PauseNotAllowed"
    FAILED_POWER_DELIVERY_NOT_APPLIED = "FAILED_PowerDeliveryNotApplied"
    FAILED_POWER_TOLERANCE_NOT_CONFIRMED = "FAILED_PowerToleranceNotConfirmed"
    FAILED_SCHEDULE_RENEGOTIATION = "FAILED_ScheduleRenegotiation"
    FAILED_SCHEDULE_SELECTION_INVALID = "FAILED_ScheduleSelectionInvalid"
    FAILED_SEQUENCE_ERROR = "FAILED_SequenceError"
    FAILED_SERVICE_ID_INVALID = "FAILED_ServiceIDInvalid"
    FAILED_SERVICE_SELECTION_INVALID = "FAILED_ServiceSelectionInvalid"
    FAILED_SIGNATURE_ERROR = "FAILED_SignatureError"
    FAILED_UNKNOWN_SESSION = "FAILED_UnknownSession"
    FAILED_WRONG_CHARGE_PARAMETER = "FAILED_WrongChargeParameter"

    failed: bool  # this code ends the session
    warning: bool  # something is not as it should be, but the session lives on
    declined: bool  # the request was not granted though the session lives on; other warnings only inform

    def __init__(self, spelling: str) -> None:
        self.failed = spelling.startswith("FAILED")
        self.warning = spelling.startswith("WARNING")
        self.declined = self.warning and spelling not in _INFORMING


class Processing(Code):
    """Whether an end has finished what the phase is about, or wants to be asked again."""

    FINISHED = "Finished"
    ONGOING = "Ongoing"
    ONGOING_WAITING_FOR_CUSTOMER_INTERACTION = "Ongoing_WaitingForCustomerInteraction"


class Authorization(Code):
    """Ways to authorise: external means (a card, an app), or the contract certificate in the car."""

    EIM = "EIM"
    PNC = "PnC"


class EVSENotification(Code):
    """What the station asks of the EV; travels in EVSEStatus. There is no value for "nothing"."""

    PAUSE = "Pause"
    EXIT_STANDBY = "ExitStandby"
    TERMINATE = "Terminate"
    SCHEDULE_RENEGOTIATION = "ScheduleRenegotiation"
    SERVICE_RENEGOTIATION = "ServiceRenegotiation"
    METERING_CONFIRMATION = "MeteringConfirmation"


class ChargeProgress(Code):
    """What a PowerDeliveryReq asks for."""

    START = "Start"
    STOP = "Stop"
    STANDBY = "Standby"
    SCHEDULE_RENEGOTIATION = "ScheduleRenegotiation"


class ChargingSession(Code):
    """What a SessionStopReq means: two kinds of leaving, and one of starting over on the same link."""

    PAUSE = "Pause"
    TERMINATE = "Terminate"
    SERVICE_RENEGOTIATION = "ServiceRenegotiation"


class ChannelSelection(Code):
    """Direction switched to, for separate channels only."""

    CHARGE = "Charge"
    DISCHARGE = "Discharge"


class PowerToleranceAcceptance(Code):
    """Whether the EV keeps to the tolerance of a power schedule (Scheduled mode)."""

    POWER_TOLERANCE_NOT_CONFIRMED = "PowerToleranceNotConfirmed"
    POWER_TOLERANCE_CONFIRMED = "PowerToleranceConfirmed"


class EVCheckInStatus(Code):
    """How far the EV has come on its way to a parking space."""

    CHECK_IN = "CheckIn"
    PROCESSING = "Processing"
    COMPLETED = "Completed"


class ParkingMethod(Code):
    """Who steers the EV to its parking space."""

    AUTO_PARKING = "AutoParking"
    MV_GUIDE_MANUAL = "MVGuideManual"
    MANUAL = "Manual"


class EVCheckOutStatus(Code):
    """How far the EV has come with leaving."""

    CHECK_OUT = "CheckOut"
    PROCESSING = "Processing"
    COMPLETED = "Completed"


class EVSECheckOutStatus(Code):
    """Whether the station lets the EV leave now or has it planned."""

    SCHEDULED = "Scheduled"
    COMPLETED = "Completed"


class ServiceID(IntEnum):
    """Energy transfer services this package speaks."""

    AC = 1
    DC = 2
    AC_BPT = 5
    DC_BPT = 6


class ControlMode(IntEnum):
    """Who decides the power: the EV within a schedule, or the station at every loop."""

    SCHEDULED = 1
    DYNAMIC = 2


class MobilityNeedsMode(IntEnum):
    """Who states departure and target: the EV, or the station if it likes (Dynamic only, V2G20-2663)."""

    EVCC = 1
    SECC = 2


class ACConnector(IntEnum):
    """Value of `Connector` in the AC services. Peers disagree about three phases: 2 as here, or 3."""

    SINGLE_PHASE = 1
    THREE_PHASE = 2


class DCConnector(IntEnum):
    """Value of `Connector` in the DC services."""

    CORE = 1
    EXTENDED = 2
    DUAL2 = 3
    DUAL4 = 4


class Pricing(IntEnum):
    """Kind of prices in the schedules."""

    NONE = 0
    ABSOLUTE = 1
    LEVELS = 2


class BPTChannel(IntEnum):
    """One path for both directions, or two."""

    UNIFIED = 1
    SEPARATED = 2


class GeneratorMode(IntEnum):
    """Whether a discharging EV follows the grid or forms it."""

    GRID_FOLLOWING = 1
    GRID_FORMING = 2


class GridCodeIslandingDetectionMethod(IntEnum):
    """How an AC EV notices that it feeds an island."""

    ACTIVE = 1
    PASSIVE = 2
