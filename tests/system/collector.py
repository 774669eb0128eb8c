#!/usr/bin/python3
"""A collector of OTLP/HTTP for tests: prints its port, then a line per request that it was sent.

collector.py FILE [ANSWER...]

Bodies go to FILE, those that it takes. ANSWER is what it answers, one after the other, the last one for ever:
STATUS[:BODY]. 200 if none is given; with 429 and 503 it asks for another try in a second.
"""
import http.server
import sys

answers = sys.argv[2:] or ["200"]


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, _, reply = answers[0].partition(":")
        if len(answers) > 1:
            del answers[0]
        if status == "200":
            with open(sys.argv[1], "ab") as f:
                f.write(body)
        print(self.path, self.headers["Content-Type"], status, flush=True)
        self.send_response(int(status))
        if status in ("429", "503"):
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply.encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
