#!/usr/bin/env python3
"""What is to be copied from contrib/ and doc/places/: the policies are what
their names say, and mean on a real S3 server what they say; systemd has nothing
against the units, and trys3d nothing against the settings."""

import json
import re
import shutil
import subprocess

from harness import (ENVIRONMENT, PROGRAM, TOP, Rgw, Skip, Suite, equal, true,
                     trys3d_run)

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


def statements(path):
    """The statements of the policy at PATH, each looked at."""
    document = json.loads(path.read_text())
    equal(sorted(document), ["Statement", "Version"], path.name)
    equal(document["Version"], "2012-10-17", path.name)
    for statement in document["Statement"]:
        true(statement["Sid"].isalnum(), f"{path.name}: the Sid")
    return document["Statement"]


def test_documents(suite):
    """The JSON files, by themselves."""
    paths = sorted((TOP / "contrib").glob("*.json"))
    with suite.test("each policy is JSON, in the README, and distributed"):
        readme = (TOP / "contrib" / "README.md").read_text()
        listed = (TOP / "contrib" / "local.mk").read_text()
        true(len(paths) > 8, f"{len(paths)} policies")
        for path in paths:
            statements(path)
            true(f"`{path.name}`" in readme, f"README.md has {path.name}")
            true(f"contrib/{path.name}" in listed, f"local.mk has {path.name}")

    with suite.test("trust-policy-*.json: who may have a role, and no more"):
        trusts = {
            "ec2": {"Service": "ec2.amazonaws.com"},
            "ecs": {"Service": "ecs-tasks.amazonaws.com"},
            "eks-pod-identity": {"Service": "pods.eks.amazonaws.com"},
            "eks-irsa": {"Federated": "arn:aws:iam::111122223333:"
                         "oidc-provider/oidc.eks.ap-northeast-1.amazonaws.com"
                         "/id/EXAMPLED539D4633E53DE1B71EXAMPLE"},
            "roles-anywhere": {"Service": "rolesanywhere.amazonaws.com"},
        }
        found = {}
        for path in paths:
            if not path.name.startswith("trust-policy-"):
                continue
            (statement,) = statements(path)
            equal(statement["Effect"], "Allow", path.name)
            true("Resource" not in statement, f"{path.name}: no Resource")
            for action in [statement["Action"]] if isinstance(
                    statement["Action"], str) else statement["Action"]:
                true(action.startswith("sts:"), f"{path.name}: {action}")
            found[path.stem.removeprefix("trust-policy-")] = \
                statement["Principal"]
        equal(found, trusts)

    with suite.test("the one for web identity is for one service account"):
        (statement,) = statements(
            TOP / "contrib" / "trust-policy-eks-irsa.json")
        issuer = statement["Principal"]["Federated"].partition("/")[2]
        equal(statement["Condition"], {"StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "system:serviceaccount:gyazo:trys3"}})


def test_policies(suite, rgw):
    """The JSON files, on RGW."""
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

    with suite.test("bucket-policy-ceph-read.json: the user may read, no more"):
        rgw.client(bucket="").request("POST", "", query={
            "Action": "DeleteUserPolicy", "UserName": "reader",
            "PolicyName": "trys3"})
        equal(reader.request("GET", "there").status, 403, "before")
        text = policy("bucket-policy-ceph-read.json", "policy")
        answer = owner.request("PUT", "", text.replace(
            "user/trys3", "user/reader").encode(), query={"policy": ""})
        equal(answer.status // 100, 2, f"PutBucketPolicy: {answer.body}")
        equal(reader.get("there"), b"body")
        equal(reader.request("GET", "missing").status, 403)
        for method, key in (("GET", ""), ("PUT", "new"), ("PUT", "there"),
                            ("DELETE", "there")):
            equal(reader.request(method, key).status, 403, f"{method} {key}")
        give_reader(rgw, "iam-policy-read.json")

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


def settings_of(page):
    """The settings for trys3.conf that the PAGE shows."""
    return [block for block in re.findall(r"```ini\n(.*?)```",
                                          page.read_text(), re.S)
            if "[site" in block]


def complaints(suite, settings):
    """What trys3d -t has against SETTINGS, but for the credentials, which are
    at places that are not here."""
    path = suite.folder / "shown.conf"
    path.write_text(settings)
    path.chmod(0o600)
    # Nobody is asked: not AWS, and not the machine that the tests run on.
    done = trys3d_run(suite, "-t", "-c", path, environment={
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
        "AWS_EC2_METADATA_DISABLED": "true"})
    true(done.returncode in (0, 2), f"status {done.returncode}: {done.stderr}")
    return [line for line in done.stderr.splitlines()
            if re.search(r": (error|warning): ", line)
            and not re.search(r"\] credentials: |the configuration has errors",
                              line)]


def test_places(suite):
    """doc/places/."""
    with suite.test("the settings in doc/places/ are good"):
        pages = sorted((TOP / "doc" / "places").glob("*.md"))
        shown = 0
        for page in pages:
            for settings in settings_of(page):
                shown += 1
                equal(complaints(suite, settings), [],
                      f"{page.name}:\n{settings}")
        true(shown >= len(pages) - 1, f"{shown} settings on {len(pages)} pages")
        true(complaints(suite, settings + "no_such_setting = 1\n"),
             "a wrong one is noticed")
    with suite.test("contrib/trys3.conf is good, and shows what there is"):
        text = (TOP / "contrib" / "trys3.conf").read_text()
        equal(complaints(suite, text), [])
        text = re.sub(r"^#(\w+ = )", r"\1", text, flags=re.M)
        equal([line for line in complaints(suite, text)
               if "there is no such setting" in line], [])


def main():
    """All of it."""
    with Suite() as suite:
        test_documents(suite)
        test_places(suite)
        test_units(suite)
        try:
            rgw = Rgw(suite)
        except Skip as skip:
            suite.skip("the policies", skip)
            return
        test_policies(suite, rgw)


if __name__ == "__main__":
    main()
