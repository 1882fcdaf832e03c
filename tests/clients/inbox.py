"""A mail server (SMTP, with a password) and a webhook receiver, real ones, on ports of their own.

Prints one JSON value a line: first the ports, then whatever comes. Ends when its standard input does.
"""

import email
import email.policy
import http.server
import json
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

lock = threading.Lock()


def say(what):
    with lock:
        print(json.dumps(what), flush=True)


class Inbox:
    """Refuses the first mail to whoever is called `later`, as a server does that greylists."""

    seen = set()

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        if to.startswith("later") and to not in self.seen:
            self.seen.add(to)
            return "451 try again"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say({"mail": to, "from": envelope.mail_from, "subject": message["subject"],
             "text": message.get_content()})
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"comity", b"secret word")
    return AuthResult(success=good)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name: self.headers[name] for name in
                   ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")}
        say({"hook": self.path, "headers": headers, "body": body})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


controller = Controller(Inbox(), hostname="127.0.0.1", port=0, authenticator=authenticate,
                        auth_required=True, auth_require_tls=False)
# The controller asks its own port whether it answers, and 0 is none: a free one is found first.
import socket  # noqa: E402

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    controller.port = free.getsockname()[1]
controller.start()
hooks = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
threading.Thread(target=hooks.serve_forever, daemon=True).start()
say({"smtp": controller.port, "http": hooks.server_port})
sys.stdin.read()
controller.stop()
