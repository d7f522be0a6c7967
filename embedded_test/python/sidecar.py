# SPDX-License-Identifier: EUPL-1.2

"""The sidecar that the tests talk to."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator

START_TIMEOUT = 60


@contextlib.contextmanager
def running_sidecar() -> Iterator[str]:
    """Gives the URL of a sidecar's broker.

    It is the one at STOREBUS_URL, or one that is built from the repository, in which
    the tests are run, and started with a broker of its own.
    """
    if url := os.environ.get("STOREBUS_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="storebus-python-") as folder:
        binary = pathlib.Path(folder, "storebus")
        subprocess.run(["go", "build", "-o", binary, "dappco.re/go/storebus/cmd/storebus"], check=True)
        with subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--database", pathlib.Path(folder, "storebus.db")],
            env={"PATH": os.environ["PATH"], "HOME": folder},  # none of the settings of who runs this
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield ready_url(process)
            finally:
                process.terminate()
                if process.wait(START_TIMEOUT) != 0:
                    raise RuntimeError(f"storebus serve ended with status {process.returncode}")


def ready_url(process: subprocess.Popen[str]) -> str:
    """Waits for the line that says where the sidecar serves."""
    impatience = threading.Timer(START_TIMEOUT, process.kill)
    impatience.start()
    try:
        for line in process.stdout:
            if ready := re.match(r"storebus ready at (nats:\S+)", line):
                return ready[1]
    finally:
        impatience.cancel()
    raise RuntimeError("storebus serve ended before it was ready")
