#!/usr/bin/env python3
"""Every way in which credentials are handed over, end to end: through nginx
and trys3d out of RGW's bucket, with botocore beside it, which must find them
of the same provider and read the same object.  What is temporary is minted by
RGW's own STS."""

import json
import shlex
import stat

from fastcgi import Fastcgi
from harness import Nginx, Rgw, Suite, Trys3d, equal, true, wait_for
from issuer import (Container, Front, Metadata, Mint, Oidc, Sts, make_role)
from judge import KNOWS_ENDPOINTS, KNOWS_TOKEN_FILE
from ways import METHODS, Place, Way, key_lines, key_variables, section

KEY = "a.png"
AUTHORIZATION = "Bearer for/the+container=="


class Bench:
    """RGW, all endpoints, nginx on a socket for one daemon after the other.

    "reader" may read the bucket "private" and nothing else; so may S3Reader,
    the role of what endpoints hand out.  "first" and "second" are for the roles
    of these names alone, so that nobody reads them with what a role is assumed
    with."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        for bucket in ("private", "first", "second"):
            client = self.rgw.client(bucket=bucket)
            client.request("PUT", "")
            client.put(KEY, self.body(bucket))
        self.keys = (self.rgw.values["S3_READER_ACCESS_KEY_ID"],
                     self.rgw.values["S3_READER_SECRET_ACCESS_KEY"])
        self.temporary = self.rgw.assume_role(3600)[:3]
        self.role = make_role(
            self.rgw, "Second",
            {"AWS": ["arn:aws:iam:::user/reader",
                     "arn:aws:iam:::role/S3Reader"]},
            "sts:AssumeRole", ["second/*"])
        self.first_role = make_role(
            self.rgw, "First", {"AWS": ["arn:aws:iam:::user/reader",
                                        "arn:aws:iam:::role/Second"]},
            "sts:AssumeRole", ["first/*"])
        mint = Mint(self.rgw)
        self.metadata = Metadata(suite, mint)
        self.container = Container(suite, mint)
        self.pod = Container(suite, mint, AUTHORIZATION)
        self.sts = Sts(suite, self.rgw)
        self.oidc = Oidc(suite, self.rgw)
        self.place = Place(suite, self.rgw.endpoint, self.sts)
        self.socket = f"unix:{suite.folder}/ways.sock"
        self.nginx = Nginx(suite, self.socket, is_cached=False)

    @staticmethod
    def body(bucket):
        """What is at KEY in BUCKET."""
        return f"<{bucket}: {KEY}>".encode()

    def file(self, name, text):
        """A file that holds TEXT."""
        path = self.suite.folder / name
        path.touch(0o600)
        path.write_text(text)
        return path

    def process(self, name, keys):
        """A credential_process that hands out KEYS."""
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        answer = json.dumps({"Version": 1} | dict(zip(names, keys)))
        path = self.file(name, "#!/bin/sh\n"
                         f"test \"$1 $2\" = 'for a daemon' || exit 1\n"
                         f"echo {shlex.quote(answer)}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        # Split as a shell does, but by none.
        return f"{path} 'for a' daemon"


def check(bench, way):
    """WAY leads both to the object."""
    place = bench.place
    environment = place.environment(way)
    body = bench.body(way.bucket)
    said = place.said(way, environment)
    # The role of a site is not botocore's: only what it is assumed with.
    is_read = "role_arn" not in way.site or way.said not in METHODS
    true(said.startswith(way.said + ": ") if is_read else
         f"with what was found in {way.said}: " in said, said)
    if way.said in METHODS:
        for name, verdict in place.verdicts(way, environment,
                                            key=KEY if is_read else None):
            equal((verdict.method, verdict.body),
                  (METHODS[way.said], body if is_read else b""),
                  f"{name} {verdict}")
    daemon = place.daemon(way, environment, "trys3d-" + way.name.replace(
        " ", "-").replace("/", "-"), listen=bench.socket)
    try:
        answer = bench.nginx.get("/" + KEY)
        equal((answer.status, answer.body), (200, body))
    finally:
        # The next one has the same socket.
        daemon.stop()


# ---- The ways ----

def ways_with_keys(bench):
    """Keys as they are."""
    long, short = bench.keys, bench.temporary
    own = dict(zip(("access_key_id", "secret_access_key", "session_token"),
                   short))
    photos = {"AWS_PROFILE": "photos"}
    config = bench.file("other-config", section(
        "profile photos", **key_lines(*long)))
    shared = bench.file("other-credentials", section(
        "photos", **key_lines(*short)))
    return [
        Way("keys of the site", "the site's settings",
            site=dict(list(own.items())[:2]) | {
                "access_key_id": long[0], "secret_access_key": long[1]}),
        Way("temporary keys of the site", "the site's settings", site=own),
        Way("environment", "the environment", key_variables(*long)),
        Way("environment, temporary", "the environment",
            key_variables(*short)),
        Way("environment, the token's old name", "the environment",
            key_variables(*short[:2]) | {"AWS_SECURITY_TOKEN": short[2]}),
        Way("credentials file", "the shared credentials file",
            credentials=section("default", **key_lines(*long))),
        Way("credentials file, a profile", "the shared credentials file",
            photos, credentials=section("photos", **key_lines(*short))),
        Way("credentials file elsewhere", "the shared credentials file",
            photos | {"AWS_SHARED_CREDENTIALS_FILE": str(shared)}),
        Way("config file", "the shared config file",
            config=section("default", **key_lines(*short))),
        Way("config file, the site's profile", "the shared config file",
            key_variables("NOT", "these"), {"profile": "photos"},
            section("profile photos", **key_lines(*long))),
        Way("config file elsewhere", "the shared config file",
            photos | {"AWS_CONFIG_FILE": str(config)}),
        Way("credential_process", "credential_process", config=section(
            "default", credential_process=bench.process("long", long))),
        Way("credential_process, temporary", "credential_process", photos,
            config=section("profile photos", credential_process=bench.process(
                "short", bench.rgw.assume_role(3600)))),
        Way("region and endpoint_url of a profile", "the shared config file",
            photos | {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
            {"endpoint": None, "addressing": "path"},
            section("profile photos", region="us-west-2",
                    endpoint_url=bench.rgw.endpoint, **key_lines(*long)),
            since=KNOWS_ENDPOINTS),
        Way("endpoint_url of a profile's services", "the shared config file",
            photos, {"endpoint": None, "addressing": "path"},
            section("profile photos", services="here",
                    endpoint_url="http://127.0.0.1:1", **key_lines(*long)) +
            f"[services here]\ns3 =\n  endpoint_url = {bench.rgw.endpoint}\n",
            since=KNOWS_ENDPOINTS),
    ]


def ways_with_web_identity(bench):
    """Tokens that an OIDC issuer signed."""
    token = str(bench.file("web-identity", bench.oidc.token()))
    lines = {"role_arn": bench.oidc.role, "web_identity_token_file": token}
    return [
        Way("web identity, environment", "web identity", {
            "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": bench.oidc.role,
            "AWS_ROLE_SESSION_NAME": "the-gallery"}),
        Way("web identity, a profile", "web identity",
            {"AWS_PROFILE": "photos"},
            config=section("profile photos", **lines)),
        Way("web identity, the site", "the site's settings", site=lines | {
            "sts_endpoint": bench.sts.url}),
    ]


def ways_with_roles(bench):
    """Roles of profiles and of a site."""
    photos = {"AWS_PROFILE": "photos"}
    keys = {"bucket": "second"}
    token = str(bench.file("source-web-identity", bench.oidc.token()))
    third = make_role(bench.rgw, "Third", {
        "AWS": [bench.oidc.role]}, "sts:AssumeRole", ["second/*"])

    def role(arn=bench.role, **lines):
        return section("profile photos", role_arn=arn, **lines)

    source = section("profile source", **key_lines(*bench.keys))
    return [
        Way("role, source in the config file", "the profile's role", photos,
            config=role(source_profile="source") + source, **keys),
        Way("role, source in the credentials file", "the profile's role",
            photos, config=role(source_profile="source"),
            credentials=section("source", **key_lines(*bench.keys)), **keys),
        Way("role, both in the credentials file", "the profile's role", photos,
            credentials=section("photos", role_arn=bench.role,
                                source_profile="source") +
            section("source", **key_lines(*bench.keys)), **keys),
        Way("role, its own source", "the profile's role", photos,
            config=role(source_profile="photos", **key_lines(*bench.keys)),
            **keys),
        Way("role, a process as the source", "the profile's role", photos,
            config=role(source_profile="source") + section(
                "profile source", credential_process=bench.process(
                    "source", bench.keys)), **keys),
        Way("role, web identity as the source", "the profile's role", photos,
            config=role(third, source_profile="source") + section(
                "profile source", role_arn=bench.oidc.role,
                web_identity_token_file=token), **keys),
        Way("role of a role", "the profile's role", photos,
            config=role(bench.first_role, source_profile="middle") + section(
                "profile middle", role_arn=bench.role,
                source_profile="source") + source, bucket="first"),
        Way("role, source is the environment", "the profile's role",
            key_variables(*bench.keys), {"profile": "photos"},
            role(credential_source="Environment"), **keys),
        Way("role, source is the container", "the profile's role", photos | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
            bench.container.url + "/credentials"},
            config=role(credential_source="EcsContainer"), **keys),
        Way("role, source is the instance", "the profile's role", photos | {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url},
            config=role(credential_source="Ec2InstanceMetadata"), **keys),
        Way("role of the site", "the environment", key_variables(*bench.keys),
            {"role_arn": bench.role}, **keys),
    ]


def ways_with_endpoints(bench):
    """Endpoints of a container and of an instance."""
    uri = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    file = bench.file("authorization", AUTHORIZATION)
    return [
        Way("container, full URI", "the container's endpoint", {
            uri: bench.container.url + "/credentials/x?y=z"}),
        Way("container, token", "the container's endpoint", {
            uri: bench.pod.url + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION}),
        Way("container, token's file", "the container's endpoint", {
            uri: bench.pod.url + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)},
            since=KNOWS_TOKEN_FILE),
        Way("instance", "the instance's metadata", {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url}),
        Way("instance, a slash behind", "the instance's metadata", {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url + "/"}),
    ]


def test_ways(bench):
    """Each of them."""
    for ways in (ways_with_keys, ways_with_web_identity, ways_with_roles,
                 ways_with_endpoints):
        for way in ways(bench):
            with bench.suite.test(way.name):
                check(bench, way)


# ---- What is asked of the endpoints ----

def look(bench, way):
    """Let trys3d alone look for the credentials of WAY."""
    return bench.place.said(way, bench.place.environment(way))


def test_questions(bench):
    """The requests as they came."""
    suite, sts = bench.suite, bench.sts
    source = section("profile source", **key_lines(*bench.keys))
    profile = section("profile photos", role_arn=bench.role,
                      source_profile="source", external_id="of-the:gallery/1=2",
                      role_session_name="for-photos", duration_seconds="1200")
    ways = [
        Way("a profile", "", {"AWS_PROFILE": "photos"},
            config=profile + source),
        Way("the site", "", key_variables(*bench.keys), {
            "role_arn": bench.role, "external_id": "of-the:gallery/1=2",
            "role_session_name": "for-photos"}),
    ]
    for way in ways:
        with suite.test(f"AssumeRole: external_id and names of {way.name}"):
            sts.external_id = "of-the:gallery/1=2"
            sts.asked.clear()
            try:
                look(bench, way)
            finally:
                sts.external_id = None
            equal([(asked.line, asked.status) for asked in sts.asked],
                  [("POST /", 200)])
            form = sts.asked[0].form
            equal((form["ExternalId"], form["RoleSessionName"],
                   form["RoleArn"], form["Version"]),
                  ("of-the:gallery/1=2", "for-photos", bench.role, "2011-06-15"))
            if way.config:
                equal(form["DurationSeconds"], "1200")
            scope = sts.asked[0].headers["Authorization"]
            true("/us-east-1/sts/aws4_request," in scope, scope)

    with suite.test("AssumeRoleWithWebIdentity: not signed, no secret in the "
                    "line"):
        token = bench.file("asked-token", bench.oidc.token())
        sts.asked.clear()
        look(bench, Way("", "", {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_ARN": bench.oidc.role,
            "AWS_ROLE_SESSION_NAME": "the-gallery"}))
        equal([(asked.line, asked.headers["Authorization"])
               for asked in sts.asked], [("POST /", None)])
        equal(sts.asked[0].form["RoleSessionName"], "the-gallery")
        equal(sts.asked[0].form["WebIdentityToken"], token.read_text())

    with suite.test("the instance's metadata: a session token first, never "
                    "without one"):
        bench.metadata.asked.clear()
        way = Way("", "", {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url})
        look(bench, way)
        asked = bench.metadata.asked
        equal(asked[0].line, "PUT /latest/api/token")
        equal([one.status for one in asked], [200] * len(asked))
        equal({one.method for one in asked[1:]}, {"GET"})
        for wrong in (403, 404, 405, 500):
            bench.metadata.asked.clear()
            bench.metadata.upset(only="^PUT ", status=wrong)
            true(bench.place.run("-t", way, bench.place.environment(
                way)).returncode != 0, "-t without a token")
            bench.metadata.calm()
            equal({line for line in bench.metadata.lines()},
                  {"PUT /latest/api/token"}, wrong)

    with suite.test("AWS_EC2_METADATA_DISABLED: not asked"):
        bench.metadata.asked.clear()
        way = way._replace(environment=way.environment | {
            "AWS_EC2_METADATA_DISABLED": "TrUe"})
        environment = bench.place.environment(way)
        equal(bench.place.run("-t", way, environment).returncode, 2)
        for name, verdict in bench.place.verdicts(way, environment):
            equal(verdict.method, None, name)
        equal(bench.metadata.lines(), [])


def test_region(bench):
    """The region that the metadata names is signed for where nobody says
    another one; Swift and AWS look at it."""
    way = Way("region", "", {
        "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url})
    for said, wanted in ((None, "ap-northeast-1"), ("eu-west-1", "eu-west-1")):
        with bench.suite.test(f"region of the metadata, of the site: {said}"):
            bench.metadata.region = "ap-northeast-1"
            front = Front(bench.suite, bench.rgw)
            seen = way._replace(site={"endpoint": front.url} | (
                {"region": said} if said else {}))
            daemon = bench.place.daemon(seen, bench.place.environment(seen),
                                        f"trys3d-region-{said}")
            equal(Fastcgi(daemon.socket).get("/" + KEY).body,
                  bench.body("private"))
            daemon.stop()
            equal({asked.headers["Authorization"].split("/")[2]
                   for asked in front.asked}, {wanted})
            front.stop()


def test_two_sites(bench):
    """Each its own role; neither reads the other's bucket."""
    with bench.suite.test("two sites, two roles"):
        way = Way("two", "", key_variables(*bench.keys))
        settings = bench.place.settings(way)
        site = settings.pop("site main")
        for name, bucket, role in (
                ("first", "first", bench.first_role),
                ("second", "second", bench.role),
                ("first-by-second", "first", bench.role),
                ("second-by-first", "second", bench.first_role)):
            settings["site " + name] = site | {"bucket": bucket,
                                               "role_arn": role}
        daemon = Trys3d(bench.suite, settings, bench.place.environment(way),
                        name="trys3d-two")
        client = Fastcgi(daemon.socket)
        for name in ("first", "second", "first"):
            equal(client.get("/" + KEY, TRYS3_SITE=name).body,
                  bench.body(name), name)
        for name in ("first-by-second", "second-by-first"):
            true(client.get("/" + KEY, TRYS3_SITE=name).status != 200, name)
        daemon.stop()


# ---- What changes ----

def test_changes(bench):
    """A file that changes is taken up without a reload."""
    suite = bench.suite
    with suite.test("a rotated key in a file is taken up without a reload, "
                    "while the old one is still good"):
        owner = (bench.rgw.values["S3_ACCESS_KEY_ID"],
                 bench.rgw.values["S3_SECRET_ACCESS_KEY"])
        way = Way("rotated", "", credentials=section(
            "default", **key_lines(*owner)))
        environment = bench.place.environment(way)
        daemon = bench.place.daemon(way, environment, "trys3d-rotated",
                                    listen=bench.socket)

        def is_of(user):
            equal(bench.nginx.get("/" + KEY).body, bench.body("private"))
            return bench.rgw.requests()[-1][3] == user
        wait_for(lambda: is_of("tester"), "the old key")
        path = bench.file("new-credentials", section(
            "default", **key_lines(*bench.keys)))
        path.rename(f"{environment['HOME']}/.aws/credentials")
        wait_for(lambda: is_of("reader"), "the new key")
        true("reload" not in daemon.log(), daemon.log())
        daemon.stop()

    with suite.test("the authorization's file is read anew each time"):
        file = bench.file("authorization-now", "old")
        bench.pod.authorization = "old"
        bench.pod.mint = Mint(bench.rgw, life=4, kept=0)
        way = Way("authorization", "", {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
            bench.pod.url + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)})
        daemon = bench.place.daemon(way, bench.place.environment(way),
                                    "trys3d-authorization",
                                    listen=bench.socket)
        equal(bench.nginx.get("/" + KEY).status, 200)
        bench.pod.authorization = "new"
        file.write_text("new\n")
        count = len(bench.pod.mint.all)
        wait_for(lambda: len(bench.pod.mint.all) > count + 1, "two renewals")
        equal(bench.nginx.get("/" + KEY).status, 200)
        daemon.stop()


def main():
    """All of it over one RGW."""
    with Suite() as suite:
        bench = Bench(suite)
        test_ways(bench)
        test_questions(bench)
        test_region(bench)
        test_two_sites(bench)
        test_changes(bench)


main()
