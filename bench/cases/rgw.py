"""A real S3 server: trys3d, and what makes files of a bucket."""

import harness
import throughput
from origin import SMALL_OBJECTS
from stand import Place

NEEDS = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common", "curl", "rclone",
         "s3fs"]


class Rgw(Place):
    """Ceph's S3 server of tests/lab/rgw, with the objects in its bucket; in
    place of an Origin."""

    name = "localhost"

    def __init__(self, parent, objects):
        super().__init__(parent, "rgw")
        self.root = objects.root
        self._rgw = harness.Rgw(self)
        values = self._rgw.values
        self.bucket = values["S3_BUCKET"]
        self.url = values["S3_TLS_ENDPOINT"]
        self.ca_file = values["S3_CA_FILE"]
        self.region = values["S3_REGION"]
        self.key_id = values["S3_ACCESS_KEY_ID"]
        self.secret = values["S3_SECRET_ACCESS_KEY"]
        for path in SMALL_OBJECTS.paths():
            self._rgw.s3.put(path[1:], (self.root / path[1:]).read_bytes(),
                             {"Content-Type": "image/png"})

    def site(self):
        """See Origin.site."""
        return self._rgw.site(is_tls=True)


def run(bench):
    """One table."""
    with Rgw(bench.folder, bench.objects) as rgw:
        throughput.compare(
            bench, "rgw", [*bench.named("trys3d"), *bench.of_case("rgw")],
            rgw, SMALL_OBJECTS, 100,
            title="10 KB objects out of Ceph's RGW", baseline="s3fs",
            note=f"{bench.connections} connections; RGW over TLS on this "
            "machine, which takes most of it: look at the CPU time. Latencies "
            "at 100 requests/s.")
