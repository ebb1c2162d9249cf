"""Publishes to a node of its own and reads `format=arrow` with pyarrow; the argument is the `dag` binary."""

import datetime
import json
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

import pyarrow as pa

RECORDS = 10_000


def post(url, body, media):
    request = urllib.request.Request(url, data=body, method="POST", headers={"Content-Type": media})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def read(node, expression):
    query = urllib.parse.urlencode({"expr": expression, "from": "earliest", "format": "arrow"})
    with urllib.request.urlopen(f"{node}/v1/subscribe?{query}", timeout=30) as answer:
        return pa.ipc.open_stream(answer).read_all()


def check(node):
    schema = [{"name": "host", "type": "utf8"}, {"name": "value", "type": "float64"}]
    post(f"{node}/v1/streams", json.dumps({"name": "x", "schema": schema}).encode(), "application/json")
    hosts = [None if i % 7 == 0 else f"web{i % 3}" for i in range(RECORDS)]
    lines = [json.dumps({"time": i, "host": host, "value": i / 2}) for i, host in enumerate(hosts)]
    posted = post(f"{node}/v1/streams/x/records?seal=true", "\n".join(lines).encode(), "application/x-ndjson")
    assert posted["accepted"] == RECORDS, posted

    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    source = read(node, "x")
    assert source.schema.names == ["time", "host", "value"], source.schema
    assert source.schema.field("time").type == pa.timestamp("ns", "UTC"), source.schema
    assert source["time"].cast(pa.int64()).to_pylist() == [i * 10**9 for i in range(RECORDS)]
    assert source["time"][1].as_py() == epoch + datetime.timedelta(seconds=1)
    assert source["host"].to_pylist() == hosts
    assert source["value"].to_pylist() == [i / 2 for i in range(RECORDS)]

    averages = read(node, "avg(x, 10s)")
    assert averages["value"].to_pylist() == [window * 5 + 2.25 for window in range(RECORDS // 10)]


def main(dag):
    with tempfile.TemporaryDirectory() as data:
        command = [dag, "serve", "--listen", "127.0.0.1:0", "--data", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as node:
            try:
                check(node.stdout.readline().split()[-1])
            finally:
                node.terminate()
    print(f"pyarrow {pa.__version__} reads {RECORDS} records and their averages")


main(sys.argv[1])
