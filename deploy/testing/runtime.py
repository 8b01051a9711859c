"""The Lambda Runtime API (2018-06-01), for one function that runs as a process on this machine."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE_S = 60


class Function:
    def __init__(self, program, environment):
        self.events, self.answers = queue.Queue(), queue.Queue()
        events, answers = self.events, self.answers

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                event = json.dumps(events.get()).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "request")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + PATIENCE_S) * 1000)))
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f"
                )
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answers.put(json.loads(body or "null"))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.daemon_threads = True
        # A function that is ended leaves its question for the next event open.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.log = tempfile.TemporaryFile("w+")
        api = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "log",
            "AWS_LAMBDA_LOG_STREAM_NAME": "log",
        }
        self.process = subprocess.Popen([program], env=os.environ | environment | api, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()
        self.log.close()

    def invoke(self, event):
        """The answer, or the body of the error."""
        self.events.put(event)
        for _ in range(PATIENCE_S):
            try:
                return self.answers.get(timeout=1)
            except queue.Empty:
                if self.process.poll() is not None:
                    break
        raise AssertionError("no answer; its log:\n" + "\n".join(self.output()))

    def output(self):
        # Where the process goes on writing is moved by nothing that is read here.
        return os.pread(self.log.fileno(), 1 << 24, 0).decode().splitlines()
