"""The SECC of the PyPI package `iso15118`, for one connection on 127.0.0.1; runs in the peer's own environment.

Usage: station.py AC|DC. Prints `listening PORT`, then its messages, then `ended REASON`.
"""

import asyncio
import logging
import os
import sys

os.environ |= {"NETWORK_INTERFACE": "lo", "AUTH_MODES": "EIM", "PROTOCOLS": f"ISO_15118_20_{sys.argv[1]}"}

from iso15118.secc.comm_session_handler import SECCCommunicationSession
from iso15118.secc.controller.interface import ServiceStatus
from iso15118.secc.controller.simulator import SimEVSEController
from iso15118.secc.secc_settings import Config
from iso15118.shared.exi_codec import EXI
from iso15118.shared.exificient_exi_codec import ExificientEXICodec
from iso15118.shared.settings import load_shared_settings


async def main() -> None:
    """Serve one vehicle."""
    load_shared_settings()
    EXI().set_exi_codec(ExificientEXICodec())
    config = Config()
    config.load_envs()
    controller = SimEVSEController()
    await controller.set_status(ServiceStatus.STARTING)
    ended: asyncio.Queue = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = SECCCommunicationSession((reader, writer), ended, config, controller, "UK123E1234")
        await session.start(60)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    reason = await ended.get()
    print("ended", getattr(reason, "successful", None), getattr(reason, "reason", reason), flush=True)


logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
asyncio.run(main())
