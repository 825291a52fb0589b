"""versitygw, an S3 server over a folder."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

REGION, ACCESS, SECRET = "us-east-1", "sample", "sample-secret"


def server(folder):
    """Starts it on a free port of 127.0.0.1; buckets are folders in folder/data."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    os.mkdir(os.path.join(folder, "data"))
    endpoint = f"http://127.0.0.1:{port}"
    child = subprocess.Popen([os.environ["SLUICE_VERSITYGW"], "--quiet", "--port", f"127.0.0.1:{port}", "--access", ACCESS, "--secret", SECRET, "--region", REGION,
                              "--keep-alive", "posix", os.path.join(folder, "data")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            urllib.request.urlopen(endpoint, timeout=1)
        except urllib.error.HTTPError:
            return child, endpoint
        except OSError:
            time.sleep(0.1)
    child.kill()
    raise SystemExit("versitygw does not answer")


def environment(folder):
    """Of a process that speaks with it, and with nothing else."""
    return {"PATH": os.environ["PATH"], "HOME": folder, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true"}
