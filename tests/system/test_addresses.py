#!/usr/bin/env python3
"""The addresses at which AWS hands out credentials, which nobody can choose:
the link-local ones of a container's endpoint, of EKS's pod identity and of an
instance's metadata, in a network of our own in which they are the loopback's.
And those that are refused over plain http."""

import os
import shutil
import subprocess
import sys

from fastcgi import Fastcgi
from harness import ENVIRONMENT, Suite, equal, skip_all, true
from issuer import Container, Metadata, Mint, Sts
from scene import start_origin
from ways import METADATA, Place, Way, key_variables

ADDRESSES = ["169.254.170.2/32", "169.254.170.23/32", "169.254.169.254/32",
             "fd00:ec2::23/128", "fd00:ec2::254/128", "192.0.2.1/32"]
BODY = b"the object"
FULL, RELATIVE = ("AWS_CONTAINER_CREDENTIALS_FULL_URI",
                  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
OWN_NETWORK = "TRYS3_OWN_NETWORK"


def enter():
    """Run this program again in a network of its own, or skip it."""
    if os.environ.get(OWN_NETWORK):
        return
    unshare = ["unshare", "--net"]
    if os.getuid() != 0:
        unshare += ["--user", "--map-current-user", "--keep-caps"]
    for program in ("unshare", "ip"):
        if not shutil.which(program, path=ENVIRONMENT["PATH"]):
            skip_all(f"{program} is not installed")
    script = "ip link set lo up" + "".join(
        f" && ip address add {address} dev lo" +
        (" nodad" if ":" in address else "") for address in ADDRESSES)
    done = subprocess.run(unshare + ["sh", "-c", script], env=ENVIRONMENT,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        skip_all("no network of our own is permitted: " +
                 done.stderr.strip().replace("\n", "; "))
    os.environ[OWN_NETWORK] = "1"
    os.environ["PATH"] = ENVIRONMENT["PATH"] + ":" + os.environ["PATH"]
    os.execvp("unshare", unshare + [
        "sh", "-c", script + ' && exec "$0" "$@"', sys.executable, __file__])


class Bench:
    """S3 and all endpoints at their own addresses."""

    def __init__(self, suite):
        self.suite = suite
        self.origin = start_origin(suite)
        self.origin.put("/private/a", BODY)
        self.place = Place(suite, self.origin.url, Sts(suite))

        def container(host, authorization=None, port=80):
            return Container(suite, Mint(name="CONTAINER"), authorization,
                             address=(host, port))
        self.ecs = container("169.254.170.2")
        self.pod = container("169.254.170.23", "for the pod")
        self.pod_v6 = container("fd00:ec2::23", "for the pod")
        self.stranger = container("192.0.2.1")
        self.loopback = container("127.0.0.1", port=0)
        self.instance = Metadata(suite, Mint(name="INSTANCE"),
                                 address=("169.254.169.254", 80))
        self.instance_v6 = Metadata(suite, Mint(name="INSTANCE"),
                                    address=("fd00:ec2::254", 80))

    def endpoints(self):
        """All of them."""
        return [self.ecs, self.pod, self.pod_v6, self.stranger, self.loopback,
                self.instance, self.instance_v6]


def check(bench, way, endpoint):
    """Both get them from ENDPOINT, and nobody else is asked."""
    for other in bench.endpoints():
        other.asked.clear()
    environment = bench.place.environment(way) | {
        "AWS_EC2_METADATA_DISABLED": "false"}
    true(bench.place.said(way, environment).startswith(way.said + ": "),
         way.said)
    equal([other.url for other in bench.endpoints() if other.asked],
          [endpoint.url])
    for name, verdict in bench.place.verdicts(way, environment):
        equal((verdict.method, verdict.key_id),
              ("container-role" if isinstance(endpoint, Container) else
               "iam-role", endpoint.mint.all[-1].id), f"{name} {verdict}")
    daemon = bench.place.daemon(way, environment,
                                f"trys3d-{bench.suite.count}")
    equal(Fastcgi(daemon.socket).get("/a").body, BODY)
    daemon.stop()


def test_addresses(bench):
    """Each in its place."""
    container, instance = "the container's endpoint", "the instance's metadata"
    token = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "for the pod"}
    port = bench.loopback.port
    cases = [
        (Way("a container's relative URI", container,
             {RELATIVE: "/credentials/of-a-task?x=y"}), bench.ecs),
        (Way("the relative URI comes first", container, {
            RELATIVE: "/credentials/of-a-task", FULL: "http://192.0.2.1/x"}),
         bench.ecs),
        (Way("a container's full URI", container,
             {FULL: "http://169.254.170.2/credentials"}), bench.ecs),
        (Way("EKS's pod identity", container, token | {
            FULL: "http://169.254.170.23/credentials"}, since=(1, 33)),
         bench.pod),
        (Way("EKS's pod identity, IPv6", container, token | {
            FULL: "http://[fd00:ec2::23]/credentials"}, since=(1, 33)),
         bench.pod_v6),
        (Way("a loopback address", container, {
            FULL: f"http://127.0.0.1:{port}/credentials"}), bench.loopback),
        (Way("localhost", container, {
            FULL: f"http://localhost:{port}/credentials"}), bench.loopback),
        (Way("a container comes before an instance", container, {
            RELATIVE: "/credentials"}), bench.ecs),
        (Way("an instance", instance), bench.instance),
        (Way("an instance, IPv6", instance, {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}),
         bench.instance_v6),
        (Way("an instance, the endpoint comes before the mode", instance, {
            METADATA: "http://169.254.169.254",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}),
         bench.instance),
    ]
    for way, endpoint in cases:
        with bench.suite.test(way.name):
            check(bench, way, endpoint)


def test_refused(bench):
    """Who would send its authorization to a stranger."""
    for url in ("http://192.0.2.1/credentials",
                "http://192.0.2.1:80/credentials",
                "http://169.254.170.2@192.0.2.1/credentials",
                "http://192.0.2.1#@169.254.170.2/credentials",
                "http://192.0.2.1/credentials?169.254.170.2",
                "http://169.254.170.2.example.com/credentials",
                "http://3221225985/credentials", "http://0xc0000201/credentials",
                "HTTP://192.0.2.1/credentials", "ftp://192.0.2.1/credentials",
                "//192.0.2.1/credentials", "192.0.2.1/credentials"):
        with bench.suite.test(f"refused: {url}"):
            bench.stranger.asked.clear()
            way = Way("refused", "", {
                FULL: url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary"})
            done = bench.place.run("-t", way, bench.place.environment(way))
            equal(done.returncode, 2, done.stderr)
            true(FULL in done.stderr and "canary" not in done.stderr,
                 done.stderr)
            equal(bench.stranger.lines(), [])


def test_proxy(bench):
    """A proxy of the environment."""
    with bench.suite.test("no proxy is asked for what is this machine's own"):
        bench.stranger.asked.clear()
        proxies = {name: bench.stranger.url for name in (
            "http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy")}
        for variables in ({}, {RELATIVE: "/credentials"},
                          {FULL: "http://169.254.170.2/credentials"}):
            way = Way("proxy", "", variables)
            bench.place.said(way, bench.place.environment(way) | proxies | {
                "AWS_EC2_METADATA_DISABLED": "false"})
        equal(bench.stranger.lines(), [])


def test_unneeded(bench):
    """Nobody is asked without need."""
    with bench.suite.test("no instance's metadata where keys are set"):
        bench.instance.asked.clear()
        way = Way("keys", "", key_variables("AKIA", "secret"))
        bench.place.said(way, bench.place.environment(way) | {
            "AWS_EC2_METADATA_DISABLED": "false"})
        equal(bench.instance.lines(), [])


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_addresses(bench)
        test_refused(bench)
        test_proxy(bench)
        test_unneeded(bench)


enter()
main()
