"""Endpoints on the loopback that hand out credentials, as they are in the
places where trys3d runs: the metadata of an EC2 instance (version 2 alone), a
container's endpoint, STS, and an issuer of web identity tokens.

    mint = Mint(rgw, life=4)        # good for the bucket, for four seconds
    metadata = Metadata(suite, mint)
    ... AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url ...
    metadata.upset(status=503, times=3)
    metadata.asked[-1].line         # "GET /latest/meta-data/..."

What they hand out is real: minted by RGW's STS, which verifies the session
tokens that it gets back.  Without RGW it is made up.
"""

import base64
import contextlib
import datetime
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from typing import NamedTuple

from harness import ENVIRONMENT, Skip


def iso_date(seconds):
    """SECONDS since the epoch as the endpoints write it."""
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- What is handed out ----

class Keys(NamedTuple):
    """Temporary credentials."""
    id: str
    secret: str
    token: str
    end: str  # as in "Expiration"


class Mint:
    """Temporary credentials: those of ROLE (S3Reader) by RGW's STS or, without
    RGW, made up.  They live for LIFE seconds; one and the same are handed out
    until KEPT of their life is over, as the real endpoints do."""

    def __init__(self, rgw=None, role=None, life=3600, kept=0.5,
                 name="MADEUP"):
        self.life = life
        self.kept = kept
        self.all = []  # oldest first
        self._rgw = rgw
        self._role = role
        self._name = name  # is in the key's id
        self._until = 0
        self._lock = threading.Lock()

    def _make(self):
        if self._rgw:
            return Keys(*self._rgw.assume_role(self.life, self._role))
        number = len(self.all)
        return Keys(f"ASIA{self._name}{number:010}", f"secret/+{number:032}",
                    f"token/+{number:050}==", iso_date(time.time() + self.life))

    def keys(self):
        """What is handed out now."""
        with self._lock:
            if time.monotonic() >= self._until:
                self.all.append(self._make())
                self._until = time.monotonic() + self.life * self.kept
            return self.all[-1]

    def forget(self):
        """Hand out others from now on."""
        with self._lock:
            self._until = 0


def make_role(rgw, name, principal, action, resources, condition=None):
    """A role in RGW that PRINCIPAL may assume by ACTION, and that may read
    RESOURCES ("private/*"); its ARN."""
    trust = {"Effect": "Allow", "Principal": principal, "Action": [action]}
    if condition:
        trust["Condition"] = condition
    right = {"Effect": "Allow", "Action": ["s3:GetObject"],
             "Resource": [f"arn:aws:s3:::{name}" for name in resources]}
    trust, right = (json.dumps({"Version": "2012-10-17", "Statement": [part]})
                    for part in (trust, right))
    made = rgw.call("iam", "CreateRole", "2010-05-08", RoleName=name, Path="/",
                    AssumeRolePolicyDocument=trust)
    rgw.call("iam", "PutRolePolicy", "2010-05-08", RoleName=name,
             PolicyName="read", PolicyDocument=right)
    return made["Arn"]


# ---- Endpoints ----

class Asked:
    """A request as it came; .status is what it was answered, 0 if nothing
    was, .trouble what it had to suffer, if anything."""

    def __init__(self, method, target, headers, body):
        self.line = f"{method} {target}"
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.form = dict(urllib.parse.parse_qsl(body.decode("latin-1")))
        self.time = time.monotonic()
        self.status = 0
        self.trouble = None


class Reply(NamedTuple):
    """What is right to answer."""
    status: int
    body: bytes = b""
    kind: str = "text/plain"
    headers: dict = {}

    def wire(self, length=None):
        """As bytes for the wire; LENGTH: a lie."""
        reason = http.client.responses[self.status]
        headers = {"Content-Type": self.kind, "Content-Length":
                   len(self.body) if length is None else length,
                   "Date": datetime.datetime.now(datetime.timezone.utc)
                   .strftime("%a, %d %b %Y %H:%M:%S GMT"),
                   "Connection": "close"} | self.headers
        return f"HTTP/1.1 {self.status} {reason}\r\n".encode() + b"".join(
            f"{name}: {value}\r\n".encode() for name, value in
            headers.items()) + b"\r\n" + self.body


def json_reply(document):
    """DOCUMENT with status 200."""
    return Reply(200, json.dumps(document, indent=1).encode(),
                 "application/json")


def _without(field):
    """The answer with no FIELD."""
    def spoil(reply):
        pattern = rf'"{field}": "[^"]*",?\s*|<(Session)?{field}>[^<]*</\w+>'
        body, count = re.subn(pattern, "", reply.body.decode())
        assert count == 1, (field, reply.body)
        # The comma of the line before, where it was the last.
        return reply._replace(body=re.sub(r",\s*}", "}", body).encode())
    return spoil


def _changed(field, in_json, in_xml):
    """The answer with another value of FIELD."""
    def spoil(reply):
        body = re.sub(rf'("{field}": )"[^"]*"', lambda m: m[1] + in_json,
                      reply.body.decode())
        body = re.sub(rf"(<(?:Session)?{field}>)[^<]*", lambda m: m[1] + in_xml,
                      body)
        assert body.encode() != reply.body, (field, reply.body)
        return reply._replace(body=body.encode())
    return spoil


def _wrapped(reply):
    if reply.body.startswith(b"{"):
        return reply._replace(body=b"[" + reply.body + b"]")
    return reply._replace(body=b"<a>" + reply.body + b"</a>")


# What an endpoint may say by mistake instead of an answer with credentials: a
# function of the right Reply, the answer or its bytes.
GARBAGE = {
    "a page of HTML": lambda reply: Reply(
        200, b"<!DOCTYPE html><html><body><p>It works</body></html>",
        "text/html"),
    "nothing": lambda reply: reply._replace(body=b""),
    "bytes": lambda reply: reply._replace(body=bytes(range(256)) * 4),
    "half of it": lambda reply: reply._replace(
        body=reply.body[:len(reply.body) // 2]),
    "half of it, cut off": lambda reply:
        reply.wire()[:-(len(reply.body) // 2)],
    "too small a length": lambda reply: reply.wire(len(reply.body) // 2),
    "too great a length": lambda reply: reply.wire(len(reply.body) + 10),
    "100 KB of it": lambda reply: reply._replace(
        body=reply.body + b" " * 100_000),
    "it in a list": _wrapped,
    "no id": _without("AccessKeyId"),
    "no secret": _without("SecretAccessKey"),
    "no token": _without("Token"),
    "no end": _without("Expiration"),
    "an end that is no date": _changed("Expiration", '"soon"', "soon"),
    "an empty secret": _changed("SecretAccessKey", '""', ""),
    "a secret that is no text": _changed("SecretAccessKey", "12",
                                         "<a>12</a>"),
    "a NUL in the secret": _changed("SecretAccessKey", r'"a\u0000b"',
                                    "a&#0;b"),
    "it with status 202": lambda reply: reply._replace(status=202),
    "it with status 500": lambda reply: reply._replace(status=500),
    "the end of the connection": lambda reply: b"",
}


class _ServerV6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


class Endpoint:
    """A server on ADDRESS that asks .answer(asked) for each Reply; it is down
    between stop() and start()."""

    def __init__(self, suite, address=("127.0.0.1", 0)):
        self.asked = []
        self._address = address
        self._server = None
        self._trouble = {}
        self._count = 0
        self._lock = threading.Lock()
        self._calm = threading.Event()
        self.start()
        suite.on_end(self.stop)

    def answer(self, asked):
        """The Reply to ASKED."""
        raise NotImplementedError

    def refuse(self, code):
        """The Reply that refuses with CODE, as the metadata does."""
        return json_reply({"Code": code, "Message": "not so",
                           "LastUpdated": iso_date(time.time())})

    def start(self):
        """Listen (again)."""
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                endpoint.handle(self)

            do_PUT = do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._calm.clear()
        self._server = (_ServerV6 if ":" in self._address[0] else
                        http.server.ThreadingHTTPServer)(self._address, Handler)
        self._address = self._server.server_address[:2]
        threading.Thread(target=self._server.serve_forever, args=[0.05],
                         daemon=True).start()

    def stop(self):
        """Be down: who connects is refused."""
        self._calm.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def port(self):
        """The port it listens on."""
        return self._address[1]

    @property
    def url(self):
        """Where it is; no slash behind."""
        host = self._address[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def upset(self, only="", every=1, times=None, **trouble):
        """From now on answer badly those requests whose line has the regular
        expression ONLY; of these each EVERYth, and the next TIMES (None:
        until calm()).  What TROUBLE says is done:

            status=503          an answer of no more than that
            refusal="Code"      as STS, or the metadata, refuse
            redirect=url        307 to the same target there
            garbage=name        what GARBAGE makes of the right answer
            is_silent=True      no answer until calm()
            delay=1.5           the right answer, after so many seconds
            drip=0.5            the right answer, a byte in so many seconds
        """
        with self._lock:
            self._trouble = {"only": only, "every": every, "times": times,
                             **trouble}
            self._count = 0
        self._calm.clear()

    def calm(self):
        """Answer as is right, also who is waiting."""
        with self._lock:
            self._trouble = {}
        self._calm.set()

    def _trouble_for(self, asked):
        with self._lock:
            trouble = self._trouble
            if not trouble or not re.search(trouble["only"], asked.line):
                return {}
            self._count += 1
            if self._count % trouble["every"] != 0:
                return {}
            if trouble["times"] is not None:
                if trouble["times"] == 0:
                    return {}
                trouble["times"] -= 1
            return dict(trouble)

    def handle(self, handler):
        """Answer one request."""
        length = int(handler.headers.get("Content-Length") or 0)
        asked = Asked(handler.command, handler.path, handler.headers,
                      handler.rfile.read(length))
        asked.trouble = self._trouble_for(asked)
        self.asked.append(asked)
        handler.close_connection = True
        with contextlib.suppress(OSError):
            self._reply(handler, asked, asked.trouble)

    def _reply(self, handler, asked, trouble):
        if trouble.get("is_silent"):
            self._calm.wait()
        self._calm.wait(trouble.get("delay", 0))
        if "status" in trouble:
            reply = Reply(trouble["status"], b"not now\n")
        elif "refusal" in trouble:
            reply = self.refuse(trouble["refusal"])
        elif "redirect" in trouble:
            reply = Reply(307, headers={
                "Location": trouble["redirect"] + asked.target})
        else:
            reply = self.answer(asked)
        if "garbage" in trouble:
            reply = GARBAGE[trouble["garbage"]](reply)
        if isinstance(reply, Reply):
            asked.status = reply.status
            reply = reply.wire()
        if "drip" not in trouble:
            handler.wfile.write(reply)
            return
        for byte in reply:
            handler.wfile.write(bytes([byte]))
            self._calm.wait(trouble["drip"])

    def lines(self):
        """The lines of all requests."""
        return [asked.line for asked in self.asked]


def document(keys, **more):
    """KEYS as the endpoints hand them out."""
    return {"AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
            "Token": keys.token,
            # Whole seconds, as AWS has them.
            "Expiration": re.sub(r"\.\d+", "", keys.end)} | more


class Metadata(Endpoint):
    """The metadata of an EC2 instance, as strict as it can be set: a session
    token is needed, and what came through a proxy gets none."""

    ROLE = "trys3-instance"
    CREDENTIALS = "iam/security-credentials/" + ROLE

    def __init__(self, suite, mint, region="us-east-1", **options):
        self.mint = mint
        self.region = region
        self._tokens = {}
        super().__init__(suite, **options)

    def _token(self, asked):
        life = asked.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if asked.method != "PUT":
            return Reply(405)
        if "X-Forwarded-For" in asked.headers:
            return Reply(403)
        if not life.isdigit() or not 1 <= int(life) <= 21600:
            return Reply(400)
        token = base64.b64encode(os.urandom(42)).decode()
        self._tokens[token] = time.monotonic() + int(life)
        return Reply(200, token.encode(), headers={
            "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": life})

    def answer(self, asked):
        if asked.target == "/latest/api/token":
            return self._token(asked)
        token = asked.headers.get("X-aws-ec2-metadata-token", "")
        if asked.method != "GET" or \
                self._tokens.get(token, 0) < time.monotonic():
            return Reply(401)
        name = asked.target.removeprefix("/latest/meta-data/").rstrip("/")
        if name == "iam/security-credentials":
            return Reply(200, self.ROLE.encode())
        if name == self.CREDENTIALS:
            return json_reply(document(
                self.mint.keys(), Code="Success", Type="AWS-HMAC",
                LastUpdated=iso_date(time.time())))
        if self.region and name == "placement/region":
            return Reply(200, self.region.encode())
        if self.region and name == "placement/availability-zone":
            return Reply(200, f"{self.region}a".encode())
        return Reply(404)


class Container(Endpoint):
    """The endpoint of ECS, or with an AUTHORIZATION that of EKS's pod
    identity, for each path that begins with /credentials."""

    def __init__(self, suite, mint, authorization=None, **options):
        self.mint = mint
        self.authorization = authorization
        super().__init__(suite, **options)

    def answer(self, asked):
        if asked.method != "GET" or \
                not asked.target.startswith("/credentials"):
            return Reply(404)
        if asked.headers.get("Authorization") != self.authorization:
            return Reply(401, b"not authorized\n")
        return json_reply(document(self.mint.keys()))


def forward(rgw, asked, body):
    """What RGW answers to ASKED with BODY, under the name that was signed
    for."""
    where = urllib.parse.urlsplit(rgw.endpoint)
    connection = http.client.HTTPConnection(where.hostname, where.port,
                                            timeout=30)
    with contextlib.closing(connection):
        connection.request(asked.method, asked.target, body, {
            name: value for name, value in asked.headers.items()
            if name.lower() not in ("content-length", "connection")})
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(),
                     answer.headers.get("Content-Type", ""))


class Front(Endpoint):
    """RGW's S3 behind one who writes down what it is asked."""

    def __init__(self, suite, rgw, **options):
        self._rgw = rgw
        super().__init__(suite, **options)

    def answer(self, asked):
        return forward(self._rgw, asked, asked.body)


class Sts(Endpoint):
    """STS.  With RGW it is RGW's, which verifies the signature, the role's
    trust and the web identity; the credentials live for LIFE seconds (None: as
    asked).  Without, it believes everything, and hands out what MINT makes.
    EXTERNAL_ID: who assumes a role must know it; RGW does not look."""

    DOCUMENT = (
        '<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n'
        "<{0}Result><Credentials><AccessKeyId>{1.id}</AccessKeyId>"
        "<SecretAccessKey>{1.secret}</SecretAccessKey>"
        "<SessionToken>{1.token}</SessionToken>"
        "<Expiration>{1.end}</Expiration></Credentials></{0}Result>"
        "<ResponseMetadata><RequestId>made-up</RequestId></ResponseMetadata>"
        "</{0}Response>\n")
    REFUSAL = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message>"
        "</Error><RequestId>made-up</RequestId></ErrorResponse>\n")

    def __init__(self, suite, rgw=None, life=None, **options):
        self.life = life
        self.external_id = None
        self.mints = {}  # for each role's ARN
        self._rgw = rgw
        super().__init__(suite, **options)

    def mint(self, role):
        """What made-up keys for ROLE come from."""
        return self.mints.setdefault(role, Mint(
            life=self.life or 3600, name=role.rpartition("/")[2]))

    def refuse(self, code, status=400):
        return Reply(status, self.REFUSAL.format(code, "not so").encode(),
                     "text/xml")

    def answer(self, asked):
        action = asked.form.get("Action")
        if asked.method != "POST" or action not in (
                "AssumeRole", "AssumeRoleWithWebIdentity"):
            return self.refuse("InvalidAction")
        if action == "AssumeRole" and \
                asked.form.get("ExternalId") != self.external_id:
            return self.refuse("AccessDenied", 403)
        if not self._rgw:
            keys = self.mint(asked.form["RoleArn"]).keys()
        elif action == "AssumeRole":
            reply = forward(self._rgw, asked, asked.body)
            if reply.status != 200 or not self.life:
                return reply
            keys = Keys(*self._rgw.assume_role(self.life,
                                               asked.form["RoleArn"]))
        else:
            form = asked.form | ({"DurationSeconds": self.life}
                                 if self.life else {})
            return forward(self._rgw, asked, urllib.parse.urlencode(
                form, quote_via=urllib.parse.quote).encode())
        return Reply(200, self.DOCUMENT.format(action, keys).encode(),
                     "text/xml")


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Oidc(Endpoint):
    """An issuer of web identity tokens that RGW trusts, and .role, an ARN of
    a role in RGW for all who show one; it may read RESOURCES."""

    AUDIENCE = "trys3-tests"

    def __init__(self, suite, rgw, resources=("private/*",), **options):
        if not shutil.which("openssl", path=ENVIRONMENT["PATH"]):
            raise Skip("openssl is not installed")
        super().__init__(suite, **options)
        self._key = suite.folder / f"oidc-{self.port}.key"
        certificate = suite.folder / f"oidc-{self.port}.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                      "-subj", "/CN=trys3 tests", "-keyout", self._key,
                      "-out", certificate)
        self._certificate = self._openssl("x509", "-in", certificate,
                                          "-outform", "DER")
        modulus = self._openssl("x509", "-in", certificate, "-noout",
                                "-modulus").decode().partition("=")[2]
        self._modulus = bytes.fromhex(modulus.strip())
        name = self.url.removeprefix("http://")
        rgw.call("iam", "CreateOpenIDConnectProvider", "2010-05-08",
                 **{"Url": self.url, "ClientIDList.member.1": self.AUDIENCE,
                    "ThumbprintList.member.1":
                    hashlib.sha1(self._certificate).hexdigest().upper()})
        self.role = make_role(
            rgw, f"Web{self.port}",
            {"Federated": [f"arn:aws:iam:::oidc-provider/{name}"]},
            "sts:AssumeRoleWithWebIdentity", resources,
            {"StringEquals": {f"{name}:app_id": self.AUDIENCE}})

    @staticmethod
    def _openssl(*arguments, **options):
        return subprocess.run(["openssl", *arguments], check=True,
                              capture_output=True, **options).stdout

    def token(self, life=86400, **claims):
        """A token that is good for LIFE seconds."""
        now = int(time.time())
        parts = [{"alg": "RS256", "typ": "JWT", "kid": "k"},
                 {"iss": self.url, "sub": "system:serviceaccount:ns:sa",
                  "aud": self.AUDIENCE, "azp": self.AUDIENCE,
                  "client_id": self.AUDIENCE, "iat": now, "nbf": now - 5,
                  "exp": now + life} | claims]
        text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
        return text + "." + _base64(self._openssl(
            "dgst", "-sha256", "-sign", self._key, input=text.encode()))

    def answer(self, asked):
        if asked.target == "/.well-known/openid-configuration":
            return json_reply({"issuer": self.url,
                               "jwks_uri": self.url + "/keys"} | {
                f"{name}_endpoint": f"{self.url}/{name}"
                for name in ("authorization", "token", "introspection")})
        if asked.target == "/keys":
            return json_reply({"keys": [{
                "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k",
                "n": _base64(self._modulus), "e": "AQAB", "x5c":
                [base64.b64encode(self._certificate).decode()]}]})
        return Reply(404)
