#!/usr/bin/env python3
"""Endpoints that are down, slow or answer garbage, at the start and when
credentials are renewed: nothing but a whole answer counts, the old credentials
serve on until they end, the log says what is tried and why it fails, and when
the endpoint recovers so does trys3d.

S3 is played by an origin that shows what each request was signed with.  The
cases of a batch run at once, since most of the time is spent in waiting."""

import concurrent.futures
import re
from typing import Callable, NamedTuple

from fastcgi import Fastcgi
from harness import PATIENCE, Suite, equal, true, wait_for
from issuer import GARBAGE, Container, Metadata, Mint, Sts
from scene import slug, start_origin
from ways import Place, Way, key_variables

BODY = b"the object"
ROLE = "arn:aws:iam::1:role/Made"
BATCH = 50


class Kind(NamedTuple):
    """One kind of endpoint."""
    make: Callable  # (suite, mint, more options) to the Endpoint
    environment: Callable  # (endpoint, folder) to variables
    site: dict = {}
    only: str = ""  # the requests for credentials themselves
    named: str = ""  # what the log calls it


def make_sts(suite, mint, **options):
    """An Sts that hands out what MINT makes."""
    sts = Sts(suite, **options)
    sts.mints[ROLE] = mint
    return sts


def web_variables(sts, folder):
    """The environment of a web identity."""
    token = folder / "web-identity"
    token.write_text("not.looked.at")
    return {"AWS_ENDPOINT_URL_STS": sts.url, "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}


KINDS = {
    "instance": Kind(
        Metadata, lambda endpoint, _: {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.url},
        only="security-credentials/.", named="the instance's metadata"),
    "container": Kind(
        Container, lambda endpoint, _: {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
            endpoint.url + "/credentials"},
        named="the container's endpoint"),
    "web identity": Kind(make_sts, web_variables, named="web identity"),
    "role": Kind(
        make_sts, lambda endpoint, _: {
            "AWS_ENDPOINT_URL_STS": endpoint.url} | key_variables(
                "AKIASOURCE", "source/secret"),
        {"role_arn": ROLE}, named="AssumeRole|assume|STS"),
}


class Bench:
    """S3 and what the cases are made with."""

    def __init__(self, suite):
        self.suite = suite
        self.origin = start_origin(suite)
        self.place = Place(suite, self.origin.url, Sts(suite))
        self.count = 0


class Case:
    """One daemon with an endpoint of its own."""

    def __init__(self, bench, kind, name, trouble=(), life=3600):
        self.name = f"{kind}: {name}"
        self.trouble = trouble
        self.kind = KINDS[kind]
        self.mint = Mint(life=life)
        self.endpoint = self.kind.make(bench.suite, self.mint)
        # Who follows a redirect is answered well, and found out.
        self.elsewhere = self.kind.make(bench.suite, Mint(name="ELSEWHERE"))
        if "redirect" in trouble:
            self.trouble = {"redirect": self.elsewhere.url}
        bench.count += 1
        self.id = f"{bench.count}-{slug(self.name)}"
        self.bench = bench
        self.target = f"/private/{self.id}"
        bench.origin.put(self.target, BODY)
        self.way = Way(self.id, "", self.kind.environment(
            self.endpoint, bench.suite.folder), self.kind.site)
        self.environment = bench.place.environment(self.way)
        self.daemon = None

    def start(self):
        """Start the daemon."""
        self.daemon = self.bench.place.daemon(self.way, self.environment,
                                              f"trys3d-{self.id}")

    def upset(self):
        """The trouble begins."""
        if self.trouble == "down":
            self.endpoint.stop()
        else:
            self.endpoint.upset(**{"only": self.kind.only} | self.trouble)

    def calm(self):
        """It is over; what was handed out in it is good no more."""
        self.mint.forget()
        if self.trouble == "down":
            self.endpoint.start()
        else:
            self.endpoint.calm()

    def get(self):
        """The status of a request for the object."""
        answer = Fastcgi(self.daemon.socket).get("/" + self.id)
        true(answer.status != 200 or answer.body == BODY, answer.body)
        return answer.status

    def signers(self):
        """(key's id, token) of each request that S3 saw."""
        return [(re.search("Credential=([^/]+)/",
                           asked.header("authorization"))[1],
                 asked.header("x-amz-security-token"))
                for asked in self.bench.origin.requests(self.target)]

    def check_log(self):
        """No secret is in it, nor anything of the garbage."""
        log = self.daemon.log()
        for keys in self.mint.all:
            for secret in (keys.secret, keys.token):
                true(secret not in log, f"{self.name}: a secret is logged")
        true("It works" not in log, f"{self.name}: garbage is logged")

    def end(self):
        """All is seen."""
        self.check_log()
        equal(self.elsewhere.lines(), [], f"{self.name}: the redirect's target")
        self.daemon.stop()
        self.endpoint.stop()
        self.elsewhere.stop()


# ---- The troubles ----

QUICK = {name: {"garbage": name} for name in GARBAGE} | {
    f"status {status}": {"status": status}
    for status in (204, 400, 401, 403, 404, 429, 500, 503)} | {
    "a redirect": {"redirect": True}, "down": "down",
    "a refusal": {"refusal": "ExpiredToken"}}
SLOW = {"silence": {"is_silent": True},
        "a byte in half a second": {"drip": 0.5}}
# Of the instance's metadata alone: the questions before the last.
BEFORE = {
    f"{name} for {what}": {"only": only} | trouble
    for what, only in (("the session token", "^PUT"),
                       ("the role's name", "security-credentials/$"))
    for name, trouble in (
        ("a page of HTML", {"garbage": "a page of HTML"}),
        ("nothing", {"garbage": "nothing"}),
        ("bytes", {"garbage": "bytes"}),
        ("100 KB", {"garbage": "100 KB of it"}),
        ("status 500", {"status": 500}),
        ("a redirect", {"redirect": True}))
}


def cases_of(bench, troubles, **options):
    """A Case for each kind of endpoint and trouble."""
    return [Case(bench, kind, name, trouble, **options)
            for name, trouble in troubles.items() for kind in KINDS]


def each(cases, step):
    """Do STEP for all CASES at once."""
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as threads:
        list(threads.map(step, cases))


def in_batches(cases):
    """CASES, some at a time."""
    for first in range(0, len(cases), BATCH):
        yield cases[first:first + BATCH]


# ---- At the start ----

def begin_badly(case):
    """With the trouble from the start on."""
    case.upset()
    case.start()
    case.daemon.wait_log("there are no credentials: .*"
                         f"({case.kind.named})", 40)
    equal((case.get(), case.signers()), (503, []), case.name)
    case.calm()
    wait_for(lambda: case.get() == 200, f"{case.name} to recover", 40)
    keys = case.mint.all[-1]
    equal(set(case.signers()), {(keys.id, keys.token)}, case.name)
    case.end()


def test_start(bench, cases):
    """Each of the CASES."""
    for batch in in_batches(cases):
        with bench.suite.test("at the start: " + "; ".join(
                case.name for case in batch)):
            each(batch, begin_badly)


# ---- At a renewal ----

def renew_badly(case):
    """With the trouble when they are to be renewed."""
    case.start()
    wait_for(lambda: case.get() == 200, case.name)
    first = case.mint.all[0]
    case.upset()
    case.daemon.wait_log(
        f"credentials cannot be renewed: .*({case.kind.named}).*"
        "the old ones serve", 60)
    equal(case.get(), 200, case.name)
    equal(set(case.signers()), {(first.id, first.token)}, case.name)
    # What was handed out in the meantime is not to be used.
    tainted = set(case.mint.all) - {first}
    case.calm()

    def is_new():
        equal(case.get(), 200, case.name)
        return case.signers()[-1][0] != first.id
    wait_for(is_new, f"{case.name} to recover", 60)
    good = {(keys.id, keys.token)
            for keys in set(case.mint.all) - tainted}
    equal(set(case.signers()) - good, set(), f"{case.name}: signed with")
    case.end()


def test_renewal(bench, cases):
    """Each of the CASES."""
    for batch in in_batches(cases):
        with bench.suite.test("at a renewal: " + "; ".join(
                case.name for case in batch)):
            each(batch, renew_badly)


# ---- What passes by itself ----

def test_passing(bench):
    """What is over soon, and what is slow but right."""
    with bench.suite.test("three failures, then all is well"):
        def fail(case):
            case.endpoint.upset(only=case.kind.only, status=503, times=3)
            case.start()
            wait_for(lambda: case.get() == 200, f"{case.name} to recover", 40)
            equal([asked.status for asked in case.endpoint.asked
                   if asked.trouble], [503] * 3, case.name)
            case.end()
        each(cases_of(bench, {"three failures": {}}), fail)

    with bench.suite.test("an answer that takes a second is an answer"):
        def wait(case):
            case.endpoint.upset(only=case.kind.only, delay=1)
            case.start()
            equal(case.get(), 200, case.name)
            true("error" not in case.daemon.log(), case.daemon.log())
            case.end()
        each(cases_of(bench, {"a second": {}}), wait)


# ---- S3 says so ----

def test_refused(bench):
    """S3 itself says that they are no good."""
    for error in ("ExpiredToken", "InvalidAccessKeyId"):
        with bench.suite.test(f"S3 says {error}: renewed at once, and tried "
                              "once more"):
            case = Case(bench, "instance", error)
            case.start()
            wait_for(lambda case=case: case.get() == 200, "the first")
            case.mint.forget()

            # Who has just looked does not look again at once.
            def is_renewed(case=case, error=error):
                bench.origin.script(case.target, [{"error": error}])
                return case.get() == 200
            wait_for(is_renewed, "others")
            old, new = case.mint.all
            equal(case.signers()[-2:], [(old.id, old.token),
                                        (new.id, new.token)])
            case.end()


# ---- By which way ----

def test_proxy(bench):
    """A proxy of the environment."""
    with bench.suite.test("no proxy is asked for an instance's metadata or a "
                          "container's credentials"):
        proxy = Container(bench.suite, Mint())
        for kind in ("instance", "container"):
            case = Case(bench, kind, "proxy")
            environment = case.environment | {
                name: proxy.url for name in
                ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy")}
            bench.place.said(case.way, environment)
            true(case.endpoint.asked, f"{kind} was not asked")
        equal(proxy.lines(), [])


def test_one_of_two(bench):
    """A site whose endpoint is silent does not keep the others from
    theirs for good."""
    with bench.suite.test("two sites, the STS of one is silent: the other "
                          "is renewed"):
        silent = Case(bench, "role", "silent", {"is_silent": True})
        good = Case(bench, "role", "good", life=20 * PATIENCE)
        settings = bench.place.settings(good.way)
        site = settings.pop("site main")
        settings["site good"] = site | {"sts_endpoint": good.endpoint.url}
        settings["site silent"] = site | {"sts_endpoint": silent.endpoint.url}
        silent.upset()
        good.daemon = bench.place.start(settings, good.environment,
                                        f"trys3d-{good.id}")
        wait_for(lambda: good.get() == 200, "the first")

        def is_renewed():
            equal(good.get(), 200)
            return good.signers()[-1][0] == good.mint.all[-1].id and \
                len(good.mint.all) > 1
        wait_for(is_renewed, "a renewal", 60)
        good.end()


def main():
    """All of it."""
    with Suite(600) as suite:
        bench = Bench(suite)
        test_start(bench, cases_of(bench, QUICK | SLOW) + [
            Case(bench, "instance", name, trouble)
            for name, trouble in BEFORE.items()])
        test_renewal(bench, cases_of(bench, QUICK, life=10 * PATIENCE) + [
            Case(bench, "instance", name, trouble, life=10 * PATIENCE)
            for name, trouble in BEFORE.items()])
        test_renewal(bench, cases_of(bench, SLOW, life=24 * PATIENCE))
        test_passing(bench)
        test_refused(bench)
        test_proxy(bench)
        test_one_of_two(bench)


main()
