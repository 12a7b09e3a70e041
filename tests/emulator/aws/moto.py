"""Starts the real moto server on a free port of loopback.

Prints the port, and ends when its standard input does: so it never outlives
the test that started it, however that ends.
"""

import logging
import os
import sys

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
