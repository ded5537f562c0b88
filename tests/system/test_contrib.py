#!/usr/bin/env python3
"""What is to be copied from contrib/: the policies mean on a real S3 server what
they say, and systemd has nothing against the units."""

import re
import shutil
import subprocess

from harness import ENVIRONMENT, PROGRAM, TOP, Rgw, Skip, Suite, equal, true

EXAMPLE = "internal-gyazo.example.com"


def policy(name, bucket):
    """The file, for BUCKET."""
    text = (TOP / "contrib" / name).read_text()
    true(EXAMPLE in text, f"{name} names the bucket")
    return text.replace(EXAMPLE, bucket)


def give_reader(rgw, name):
    """Make NAME the policy of the second user."""
    query = {"Action": "PutUserPolicy", "UserName": "reader",
             "PolicyName": "trys3", "PolicyDocument": policy(name, "policy")}
    answer = rgw.client(bucket="").request("POST", "", query=query)
    equal(answer.status, 200, f"PutUserPolicy: {answer.body}")


def test_policies(suite, rgw):
    """The JSON files."""
    owner = rgw.client(bucket="policy")
    reader = rgw.client("READER_", bucket="policy")

    with suite.test("without a policy a second user sees nothing"):
        owner.put("", b"")
        owner.put("there", b"body")
        equal(reader.request("GET", "there").status, 403)

    with suite.test("iam-policy-read.json: GetObject and nothing else"):
        give_reader(rgw, "iam-policy-read.json")
        equal(reader.get("there"), b"body")
        equal(reader.request("GET", "missing").status, 403)
        for method, key in (("GET", ""), ("PUT", "new"), ("PUT", "there"),
                            ("DELETE", "there")):
            equal(reader.request(method, key).status, 403, f"{method} {key}")

    with suite.test("iam-policy-read-list.json: a missing object is 404"):
        give_reader(rgw, "iam-policy-read-list.json")
        equal(reader.get("there"), b"body")
        equal(reader.request("GET", "missing").status, 404)
        for method, key in (("PUT", "new"), ("DELETE", "there")):
            equal(reader.request(method, key).status, 403, f"{method} {key}")

    with suite.test("bucket-policy-tls-only.json: no plain http, whoever asks"):
        tls = rgw.client(is_tls=True, bucket="policy")
        tls_reader = rgw.client("READER_", is_tls=True, bucket="policy")
        answer = tls.request("PUT", "", policy(
            "bucket-policy-tls-only.json", "policy").encode(),
            query={"policy": ""})
        equal(answer.status // 100, 2, f"PutBucketPolicy: {answer.body}")
        for client, status in ((owner, 403), (reader, 403), (tls, 200),
                               (tls_reader, 200)):
            equal(client.request("GET", "there").status, status,
                  client.url.scheme)


def test_units(suite):
    """The units, with the program that is here in place of the installed."""
    with suite.test("systemd-analyze verify"):
        if not shutil.which("systemd-analyze", path=ENVIRONMENT["PATH"]):
            raise Skip("systemd-analyze is not installed")
        units = []
        for source in sorted((TOP / "contrib").glob("trys3d*.s[eo][rc]*")):
            text = re.sub(r"/\S+/trys3d -c", f"{PROGRAM} -c",
                          source.read_text())
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
            unit = suite.folder / source.name
            unit.write_text(text)
            units.append(unit)
        equal(len(units), 3, "units")
        done = subprocess.run(["systemd-analyze", "verify", *units],
                              env=ENVIRONMENT, capture_output=True, text=True,
                              timeout=60, check=False)
        equal((done.returncode, done.stderr), (0, ""))


def main():
    """All of it."""
    with Suite() as suite:
        test_units(suite)
        try:
            rgw = Rgw(suite)
        except Skip as skip:
            suite.skip("the policies", skip)
            return
        test_policies(suite, rgw)


if __name__ == "__main__":
    main()
