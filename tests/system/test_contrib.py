#!/usr/bin/env python3
"""What is to be copied from contrib/ and doc/places/: the policies are what
their names say, and mean on a real S3 server what they say; systemd has nothing
against the units, cron nothing against its line, and trys3d nothing against the
settings."""

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


def actions(statement):
    """What the STATEMENT is about, as a list."""
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_documents(suite):
    """The files by themselves, and what is in those of JSON."""
    paths = sorted((TOP / "contrib").glob("*policy*.json"))
    with suite.test("each file is in the README, and distributed"):
        readme = (TOP / "contrib" / "README.md").read_text()
        listed = (TOP / "contrib" / "local.mk").read_text()
        for path in sorted((TOP / "contrib").iterdir()):
            if path.name in ("README.md", "local.mk"):
                continue
            true(f"`{path.name}`" in readme, f"README.md has {path.name}")
            true(f"contrib/{path.name}" in listed, f"local.mk has {path.name}")

    with suite.test("each policy is JSON, and lets nobody delete"):
        true(len(paths) > 9, f"{len(paths)} policies")
        for path in paths:
            for statement in statements(path):
                if statement["Effect"] == "Deny":
                    continue
                for action in actions(statement):
                    true(re.fullmatch(r"(s3|sts):[A-Z]\w+", action) and
                         "Delete" not in action, f"{path.name}: {action}")

    with suite.test("iam-policy-offload.json: objects or the bucket, as S3 "
                    "wants each, and no more"):
        bucket = f"arn:aws:s3:::{EXAMPLE}"
        equal({statement["Resource"]: sorted(actions(statement))
               for statement in statements(
                   TOP / "contrib" / "iam-policy-offload.json")},
              {f"{bucket}/*": ["s3:AbortMultipartUpload", "s3:GetObject",
                               "s3:PutObject"],
               bucket: ["s3:ListBucket", "s3:ListBucketMultipartUploads"]})

    with suite.test("lifecycle-abort-multipart.json: uploads alone end"):
        (rule,) = json.loads((TOP / "contrib" / "lifecycle-abort-multipart.json"
                              ).read_text())["Rules"]
        equal(rule.pop("AbortIncompleteMultipartUpload"),
              {"DaysAfterInitiation": 7})
        equal(sorted(rule), ["Filter", "ID", "Status"])

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
            for action in actions(statement):
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


def upload_of(answer):
    """The id of the one upload that is named in ANSWER."""
    (upload,) = re.findall(rb"<UploadId>([^<]+)</UploadId>", answer)
    return upload.decode()


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

    with suite.test("iam-policy-offload.json: write, read and list, but never "
                    "delete"):
        give_reader(rgw, "iam-policy-offload.json")
        equal(reader.request("GET", "missing").status, 404)
        reader.put("offloaded", b"file")
        equal(reader.get("offloaded"), b"file")
        true(b"<Key>offloaded</Key>" in reader.request("GET", "").body, "list")
        for key in ("there", "offloaded"):
            equal(reader.request("DELETE", key).status, 403, f"DELETE {key}")
        equal(reader.request("DELETE", "").status, 403, "DELETE the bucket")
        equal(reader.request("PUT", "", b"{}", query={"policy": ""}).status,
              403, "PutBucketPolicy")

    with suite.test("iam-policy-offload.json: uploads in parts, listed, ended "
                    "and aborted"):
        for is_aborted in (True, False):
            upload = upload_of(reader.request(
                "POST", "parts", b"", query={"uploads": ""}).body)
            query = {"partNumber": "1", "uploadId": upload}
            tag = reader.request("PUT", "parts", b"part", query=query
                                 ).header("ETag")
            equal(upload_of(reader.request("GET", "", query={"uploads": ""}
                                           ).body), upload)
            del query["partNumber"]
            if is_aborted:
                equal(reader.request("DELETE", "parts", query=query).status,
                      204)
                continue
            equal(reader.request("POST", "parts", (
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                f"<ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
            ).encode(), query=query).status, 200)
        equal(reader.get("parts"), b"part")

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


def unit_lines(name):
    """The lines of contrib/NAME but for blank ones and comments."""
    return {line for line in (TOP / "contrib" / name).read_text().splitlines()
            if line and line[0] != "#"}


def test_units(suite):
    """The units, with the program that is here in place of the installed: it
    is only asked whether there is one."""
    with suite.test("systemd-analyze verify"):
        if not shutil.which("systemd-analyze", path=ENVIRONMENT["PATH"]):
            raise Skip("systemd-analyze is not installed")
        units = []
        for source in sorted((TOP / "contrib").iterdir()):
            if source.suffix not in (".service", ".socket", ".timer"):
                continue
            text = re.sub(r"/\S+/trys3d? ", f"{PROGRAM} ", source.read_text())
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
            unit = suite.folder / source.name
            unit.write_text(text)
            units.append(unit)
        equal(len(units), 5, "units")
        done = subprocess.run(["systemd-analyze", "verify", *units],
                              env=ENVIRONMENT, capture_output=True, text=True,
                              timeout=60, check=False)
        equal((done.returncode, done.stderr), (0, ""))

    with suite.test("trys3-offload.service is hardened as trys3d.service is"):
        text = (TOP / "contrib" / "trys3d.service").read_text()
        _, start, rest = text.partition("CapabilityBoundingSet=\n")
        wanted = set((start + rest).partition("\n\n")[0].splitlines())
        true(len(wanted) > 20, f"{len(wanted)} lines")
        equal(wanted - unit_lines("trys3-offload.service"),
              {"PrivateUsers=yes"})

    with suite.test("what is told to end, or finds another, is no failure"):
        equal({"SuccessExitStatus=3 4", "Type=oneshot"} -
              unit_lines("trys3-offload.service"), set())

    with suite.test("trys3-offload.cron runs what the service runs"):
        lines = unit_lines("trys3-offload.cron")
        (line,) = [line for line in lines if not re.match(r"\w+=", line)]
        true(re.fullmatch(r"\d+ \d+ \* \* \*\twww-data\tnice ionice -c 3 trys3 "
                          r"offload --quiet -c /etc/trys3\.conf", line), line)


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


def test_settings(suite):
    """What is shown in doc/ and contrib/."""
    with suite.test("the settings in doc/offload.md and doc/places/ are good"):
        pages = [TOP / "doc" / "offload.md",
                 *sorted((TOP / "doc" / "places").glob("*.md"))]
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
        test_settings(suite)
        test_units(suite)
        try:
            rgw = Rgw(suite)
        except Skip as skip:
            suite.skip("the policies", skip)
            return
        test_policies(suite, rgw)


if __name__ == "__main__":
    main()
