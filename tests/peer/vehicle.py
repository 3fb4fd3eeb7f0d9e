"""The EVCC of the PyPI package `iso15118`, for one session with a station on 127.0.0.1; runs in the peer's environment.

Usage: vehicle.py AC_BPT|DC_BPT PORT. Prints its messages, then `ended SUCCESSFUL REASON`. It takes the parameter set
that says Dynamic control, where its own simulator would take the first, and waits longer than the package would.
"""

import asyncio
import logging
import sys

from iso15118.evcc.comm_session_handler import EVCCCommunicationSession
from iso15118.evcc.controller.simulator import SimEVController
from iso15118.evcc.evcc_config import EVCCConfig
from iso15118.shared.exi_codec import EXI
from iso15118.shared.exificient_exi_codec import ExificientEXICodec
from iso15118.shared.messages.iso15118_20.common_messages import SelectedEnergyService
from iso15118.shared.settings import load_shared_settings
from iso15118.shared.states import State

SERVICE, PORT = sys.argv[1], int(sys.argv[2])

LEAST_WAIT_S = 20.0  # its own timers count what its codec takes, on a busy machine too


def patient(create_next_message):
    """The package's own method, with timeouts that a busy machine keeps."""

    def create(self, next_state, next_msg, next_msg_timeout, *rest, **named):
        return create_next_message(self, next_state, next_msg, max(next_msg_timeout, LEAST_WAIT_S), *rest, **named)

    return create


State.create_next_message = patient(State.create_next_message)


class Controller(SimEVController):
    """The package's simulated vehicle, in Dynamic control mode."""

    async def select_energy_service_v20(self, services):
        service = services[0]
        dynamic = [
            each
            for each in service.parameter_sets
            if any(parameter.name == "ControlMode" and parameter.int_value == 2 for parameter in each.parameters)
        ]
        return SelectedEnergyService(service=service.service, is_free=service.is_free, parameter_set=dynamic[0])


async def main() -> None:
    """One session."""
    load_shared_settings()
    EXI().set_exi_codec(ExificientEXICodec())
    config = EVCCConfig(
        supportedProtocols=[f"ISO_15118_20_{SERVICE[:2]}"],
        supportedEnergyServices=[SERVICE],
        useTls=False,
        enforceTls=False,
        isCertInstallNeeded=False,
        chargeLoopCycle=5,
        chargeLoopDelay=0,
    )
    config.load_raw_values()
    ended: asyncio.Queue = asyncio.Queue()
    transport = await asyncio.open_connection("127.0.0.1", PORT)
    session = EVCCCommunicationSession(transport, ended, config, "lo", Controller(config))
    await session.send_sap()
    await session.start(LEAST_WAIT_S)
    reason = await ended.get()
    print("ended", getattr(reason, "successful", None), getattr(reason, "reason", reason), flush=True)


logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
asyncio.run(main())
