"""Serves moto on a free port of 127.0.0.1, which it prints, until standard input ends: whoever started it holds the
other end, so it never outlives a test, however that ends."""

import logging
import os
import sys
import threading


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


# Before the imports, which take a while.
threading.Thread(target=end_with_input, daemon=True).start()

from moto.server import ThreadedMotoServer  # noqa: E402

# Not a line for each request.
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
threading.Event().wait()
