#!/usr/bin/env python3
"""The order in which credentials are looked for, and what is wrong with them:
each pair of providers set up at once, with other keys; trys3d must sign with
those that botocore chooses.  And each mistake: botocore finds nothing either,
and trys3d says what is wrong, with no secret.

S3 is played by an origin that shows which key a request was signed with; the
endpoints hand out what is made up."""

import itertools
import json
import re

from fastcgi import Fastcgi
from harness import Suite, equal, true
from issuer import Container, Metadata, Mint, Sts
from scene import start_origin
from ways import Place, Way, key_lines, key_variables, method_of, section

BODY = b"the object"
CANARY = "canary/Secret+of"
# Every secret holds it.
SECRETS = [f"{CANARY}-{number}" for number in range(10)]


class Bench:
    """S3, the endpoints, and each provider by the name that -T has for it."""

    def __init__(self, suite):
        self.suite = suite
        self.origin = start_origin(suite)
        self.origin.put("/private/a", BODY)
        self.sts = Sts(suite)
        self.metadata = Metadata(suite, Mint(name="INSTANCE"))
        self.container = Container(suite, Mint(name="CONTAINER"))
        self.place = Place(suite, self.origin.url, self.sts)
        self.token = self.file("token", f"header.{CANARY}-jwt.signature")

    def file(self, name, text):
        """A file that holds TEXT; its path."""
        path = self.suite.folder / name
        path.touch(0o700)
        path.write_text(text)
        return str(path)

    def process(self, name, key_id):
        """A credential_process that hands out KEY_ID."""
        answer = json.dumps({"Version": 1, "AccessKeyId": key_id,
                             "SecretAccessKey": SECRETS[1]})
        return self.file(name, f"#!/bin/sh\necho '{answer}'\n")

    def providers(self):
        """In our order: {name: (Way, the lines of its profile in the config
        file)}.  All of them speak of one profile."""
        def way(name, **more):
            return Way(name, name, **more)
        return {
            "the site's settings": (way("the site's settings", site={
                "access_key_id": "SITE", "secret_access_key": SECRETS[2]}),
                {}),
            "the environment": (way(
                "the environment",
                environment=key_variables("ENVIRONMENT", SECRETS[3])), {}),
            "the profile's role": (
                way("the profile's role", config=section(
                    "profile source", **key_lines("SOURCE", SECRETS[4]))),
                {"role_arn": "arn:aws:iam::1:role/Profile",
                 "source_profile": "source"}),
            "web identity": (way("web identity", environment={
                "AWS_WEB_IDENTITY_TOKEN_FILE": self.token,
                "AWS_ROLE_ARN": "arn:aws:iam::1:role/Web"}), {}),
            "the shared credentials file": (
                way("the shared credentials file", credentials=section(
                    "PROFILE", **key_lines("CREDENTIALS", SECRETS[5]))), {}),
            "credential_process": (way("credential_process"), {
                "credential_process": self.process("process", "PROCESS")}),
            "the shared config file": (
                way("the shared config file"),
                key_lines("CONFIG", SECRETS[6])),
            "the container's endpoint": (way(
                "the container's endpoint", environment={
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                    self.container.url + "/credentials"}), {}),
            "the instance's metadata": (way(
                "the instance's metadata", environment={
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url}),
                {}),
        }


def merged(parts, profile="default"):
    """One Way of several: (Way, lines of the profile)."""
    environment, site, config, credentials, lines = {}, {}, "", "", {}
    for way, more in parts:
        environment |= way.environment
        site |= way.site
        config += way.config
        credentials += way.credentials.replace("PROFILE", profile)
        lines |= more
    title = profile if profile == "default" else f"profile {profile}"
    return Way(" ".join(way.name for way, _ in parts), parts[0][0].name,
               environment, site, config + section(title, **lines),
               credentials)


def signer(bench):
    """Whose key the last request to S3 was signed with."""
    header = bench.origin.requests()[-1].header("authorization")
    return re.search("Credential=([^/]+)/", header)[1]


def without_number(key_id):
    """KEY_ID less what differs between two that are minted."""
    return re.sub("[0-9]+$", "", key_id)


def check_choice(bench, way, name):
    """Both find credentials for WAY, of the same provider, and the same."""
    place = bench.place
    environment = place.environment(way)
    said = place.said(way, environment)
    daemon = place.daemon(way, environment, f"trys3d-{name}")
    equal(Fastcgi(daemon.socket).get("/a").body, BODY)
    key_id = signer(bench)
    daemon.stop()
    if not said.startswith("the site's settings: "):
        for judge, verdict in place.verdicts(way, environment):
            equal((method_of(said), without_number(key_id)),
                  (verdict.method, without_number(verdict.key_id)),
                  f"{judge}: {verdict}; {said}")
    return said, key_id


def test_pairs(bench):
    """Any two at once."""
    providers = bench.providers()
    names = list(providers)
    for number, (first, second) in enumerate(
            itertools.combinations(names, 2)):
        with bench.suite.test(f"{first} before {second}"):
            way = merged([providers[first], providers[second]])
            said, _ = check_choice(bench, way, f"pair-{number}")
            true(said.startswith(first + ": "), said)

    with bench.suite.test("all of them at once, less the first each time"):
        for number in range(len(names)):
            way = merged([providers[name] for name in names[number:]])
            said, _ = check_choice(bench, way, f"all-{number}")
            true(said.startswith(names[number] + ": "), said)


def test_profiles(bench):
    """With a profile that is named, by the environment or by the site."""
    providers = bench.providers()
    environment = providers["the environment"]
    rest = [(name, provider) for name, provider in providers.items()
            if name not in ("the site's settings", "the environment")]
    for number, (name, provider) in enumerate(rest):
        with bench.suite.test(f"AWS_PROFILE does not come before the "
                              f"environment: {name}"):
            way = merged([environment, provider], "photos")
            way = way._replace(environment=way.environment |
                               {"AWS_PROFILE": "photos"})
            check_choice(bench, way, f"variable-{number}")
        with bench.suite.test(f"the site's profile does: {name}"):
            # The variables of web identity do not count either then.
            if name == "web identity":
                provider = (provider[0]._replace(environment={}), {
                    "web_identity_token_file": bench.token,
                    "role_arn": "arn:aws:iam::1:role/ProfilesWeb"})
            way = merged([environment, provider], "photos")
            way = way._replace(site={"profile": "photos"})
            said, _ = check_choice(bench, way, f"site-{number}")
            true(said.startswith(name + ": "), said)

    config = section("profile a", **key_lines("OFA", SECRETS[1])) + section(
        "profile b", **key_lines("OFB", SECRETS[2])) + section(
        "default", **key_lines("OFDEFAULT", SECRETS[3]))
    for number, (variables, wanted) in enumerate((
            ({}, "OFDEFAULT"),
            ({"AWS_PROFILE": "a"}, "OFA"),
            ({"AWS_DEFAULT_PROFILE": "b"}, "OFB"),
            ({"AWS_PROFILE": "a", "AWS_DEFAULT_PROFILE": "b"}, "OFB"))):
        with bench.suite.test(f"which profile: {' '.join(variables)}"):
            way = Way(f"profile {number}", "", variables, config=config)
            equal(check_choice(bench, way, f"profile-{number}")[1], wanted)

    with bench.suite.test("web identity: the environment before the profile"):
        provider = providers["web identity"][0]
        way = provider._replace(config=section(
            "default", role_arn="arn:aws:iam::1:role/ProfilesWeb",
            web_identity_token_file=bench.token))
        equal(without_number(check_choice(bench, way, "web")[1]), "ASIAWeb")


# ---- Odd files that are right all the same ----

# What stands in the config file and in the credentials file; whose key counts.
FILES = {
    "blanks around names and values": (
        "", "  [default]  \naws_access_key_id   =   RIGHT  \n"
        f"aws_secret_access_key={SECRETS[1]}\n", "RIGHT"),
    "comments": (
        "", "# a comment\n[default]\n; another\naws_access_key_id=RIGHT\n"
        f"#aws_access_key_id=WRONG\naws_secret_access_key={SECRETS[1]}\n",
        "RIGHT"),
    "DOS line ends": (
        "", "[default]\r\naws_access_key_id=RIGHT\r\n"
        f"aws_secret_access_key={SECRETS[1]}\r\n", "RIGHT"),
    "names in capitals": (
        "", "[default]\nAWS_ACCESS_KEY_ID=RIGHT\n"
        f"Aws_Secret_Access_Key={SECRETS[1]}\n", "RIGHT"),
    "a colon for the equals sign": (
        "", "[default]\naws_access_key_id: RIGHT\n"
        f"aws_secret_access_key: {SECRETS[1]}\n", "RIGHT"),
    "[profile default] in the config file": (
        section("profile default", **key_lines("RIGHT", SECRETS[1])), "",
        "RIGHT"),
    "a profile with blanks in its name": (
        section("profile default", **key_lines("RIGHT", SECRETS[1])) +
        section('profile "a b"', **key_lines("WRONG", SECRETS[2])), "",
        "RIGHT"),
    "an equals sign and a percent sign in the secret": (
        "", section("default", **key_lines("RIGHT", "a=b%s%%(c)s/+")),
        "RIGHT"),
    "other sections": (
        section("sso-session x", sso_region="y") + section(
            "plugins", cli="z") +
        section("default", **key_lines("RIGHT", SECRETS[1])), "", "RIGHT"),
    "nested settings": (
        section("default", **key_lines("RIGHT", SECRETS[1])) +
        "s3 =\n  max_concurrent_requests = 20\n  aws_access_key_id = WRONG\n",
        "", "RIGHT"),
}


def test_files(bench):
    """Files of all looks."""
    for number, (name, (config, credentials, wanted)) in enumerate(
            FILES.items()):
        with bench.suite.test(f"files: {name}"):
            way = Way(f"file {number}", "", config=config,
                      credentials=credentials)
            equal(check_choice(bench, way, f"file-{number}")[1], wanted)


# ---- Mistakes ----

PHOTOS = {"AWS_PROFILE": "photos"}
KEYS = section("profile source", **key_lines("SOURCE", SECRETS[1]))


def role(**lines):
    """The profile "photos" with a role."""
    return section("profile photos", role_arn="arn:aws:iam::1:role/R", **lines)


# The way, and what must be said of it.
MISTAKES = [
    (Way("no profile of that name", "", {"AWS_PROFILE": "nowhere"},
         config=KEYS), r"\bprofile nowhere\b"),
    (Way("no profile of the site's name", "", site={"profile": "nowhere"},
         config=KEYS), r"\bprofile nowhere\b"),
    (Way("environment: an id without a secret", "",
         {"AWS_ACCESS_KEY_ID": "AKIA"}), "AWS_SECRET_ACCESS_KEY"),
    (Way("credentials file: an id without a secret", "",
         credentials=section("default", aws_access_key_id="AKIA")),
     "aws_secret_access_key"),
    (Way("config file: an id without a secret", "",
         config=section("default", aws_access_key_id="AKIA")),
     "aws_secret_access_key"),
    (Way("a role without a source", "", PHOTOS, config=role()),
     "source_profile.*credential_source|credential_source.*source_profile"),
    (Way("a role with two sources", "", PHOTOS, config=role(
        source_profile="source", credential_source="Environment") + KEYS),
     "source_profile.*credential_source|credential_source.*source_profile"),
    (Way("a source that is not there", "", PHOTOS,
         config=role(source_profile="gone")), r"\bgone\b"),
    (Way("a source without credentials", "", PHOTOS, config=role(
        source_profile="empty") + section("profile empty", region="x")),
     r"\bempty\b"),
    (Way("a source that is half", "", PHOTOS, config=role(
        source_profile="half") + section("profile half",
                                         aws_access_key_id="AKIA")),
     "aws_secret_access_key"),
    (Way("a role of itself without keys", "", PHOTOS,
         config=role(source_profile="photos")), r"\bphotos\b"),
    (Way("two roles in a circle", "", PHOTOS, config=role(
        source_profile="other") + section(
            "profile other", role_arn="arn:aws:iam::1:role/O",
            source_profile="photos")), r"circle|loop"),
    (Way("three roles in a circle", "", PHOTOS, config=role(
        source_profile="b") + section(
            "profile b", role_arn="arn:aws:iam::1:role/B", source_profile="c") +
         section("profile c", role_arn="arn:aws:iam::1:role/C",
                 source_profile="b")), r"circle|loop"),
    (Way("no such credential_source", "", PHOTOS,
         config=role(credential_source="Magic")),
     "Environment.*Ec2InstanceMetadata|Ec2InstanceMetadata.*Environment"),
    (Way("credential_source without any", "", PHOTOS,
         config=role(credential_source="Environment")), "AWS_ACCESS_KEY_ID"),
    (Way("web identity without a role", "", {
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/dev/null"}), "AWS_ROLE_ARN|role_arn"),
    (Way("a role that wants MFA", "", PHOTOS, config=role(
        source_profile="source", mfa_serial="arn:aws:iam::1:mfa/me") + KEYS),
     "MFA|mfa_serial"),
    (Way("SSO", "", PHOTOS, config=section(
        "profile photos", sso_start_url="https://x.y/start",
        sso_region="us-east-1", sso_account_id="1", sso_role_name="r")),
     "SSO|sso_"),
    (Way("SSO by its session", "", PHOTOS, config=section(
        "profile photos", sso_session="s", sso_account_id="1",
        sso_role_name="r") + section(
            "sso-session s", sso_start_url="https://x.y/start",
            sso_region="us-east-1")), "SSO|sso_"),
    (Way("a malformed config file", "", config="[default\n"),
     r"/config:1: |/config line 1"),
    (Way("a malformed credentials file", "",
         credentials=f"[default]\n{CANARY}\n"),
     r"/credentials:2: |/credentials line 2"),
    (Way("an endpoint that http does not do for", "", {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/x"}),
     "https"),
    (Way("a line's end in the authorization", "", {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/x",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": f"{CANARY}\r\nX: y"}),
     "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    (Way("nothing at all", ""), "AWS_ACCESS_KEY_ID"),
    (Way("a secret without an id", "", {
        "AWS_SECRET_ACCESS_KEY": SECRETS[1]}), "AWS_ACCESS_KEY_ID"),
]


def check_mistake(bench, way, pattern, status=(2,)):
    """Neither finds any; ours says why."""
    environment = bench.place.environment(way)
    for option in ("-t", "-T"):
        done = bench.place.run(option, way, environment)
        true(done.returncode in status, lambda: f"{done.returncode} of "
             f"{option}: {done.stderr}")
        true(re.search(pattern, done.stderr), done.stderr)
        true(CANARY not in done.stderr + done.stdout, "a secret is shown")
    for judge, verdict in bench.place.verdicts(way, environment):
        equal(verdict.method, None, f"{judge} {verdict}")


def test_mistakes(bench):
    """What a human must mend."""
    for way, pattern in MISTAKES:
        with bench.suite.test(f"wrong: {way.name}"):
            check_mistake(bench, way, pattern)


def test_no_profile(bench):
    """A profile that is named and is nowhere is a slip of the hand, whatever
    else is set up; but the site's own keys need none."""
    providers = bench.providers()
    own = providers.pop("the site's settings")
    for name, provider in providers.items():
        with bench.suite.test(f"wrong: no profile of that name, and {name}"):
            way = merged([provider], "photos")
            check_mistake(bench, way._replace(environment=way.environment | {
                "AWS_PROFILE": "nowhere"}), r"\bprofile nowhere\b")
    with bench.suite.test("no profile of that name, and the site's settings"):
        way = merged([own])
        check_choice(bench, way._replace(environment={
            "AWS_PROFILE": "nowhere"}), "own")


# What a credential_process may do wrong, by sh.
PROCESSES = {
    "fails": f"echo {CANARY} >&2; echo {CANARY}; exit 3",
    "says nothing": "true",
    "says no JSON": f"echo {CANARY}",
    "says half of it": f"printf '{{\"Version\": 1, \"AccessKeyId\": \"{CANARY}'",
    "of version 2": "echo '{\"Version\": 2, \"AccessKeyId\": \"A\", "
                    f"\"SecretAccessKey\": \"{CANARY}\"}}'",
    "of no version": "echo '{\"AccessKeyId\": \"A\", "
                     f"\"SecretAccessKey\": \"{CANARY}\"}}'",
    "has no secret": f"echo '{{\"Version\": 1, \"AccessKeyId\": \"{CANARY}\"}}'",
    "is not there": None,
}


def test_processes(bench):
    """A credential_process that is no good."""
    for number, (name, text) in enumerate(PROCESSES.items()):
        with bench.suite.test(f"credential_process: {name}"):
            path = "/nonexistent/process" if text is None else bench.file(
                f"process-{number}", f"#!/bin/sh\n{text}\n")
            way = Way("process", "", config=section(
                "default", credential_process=f"{path} --key {CANARY}"))
            check_mistake(bench, way, "credential_process", (1, 2))


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_pairs(bench)
        test_profiles(bench)
        test_files(bench)
        test_mistakes(bench)
        test_no_profile(bench)
        test_processes(bench)


main()
