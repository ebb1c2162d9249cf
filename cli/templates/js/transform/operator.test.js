import assert from "node:assert/strict";
import { test } from "node:test";

import { checkDeterminism, Records, run, SECOND } from "dag-guest/harness";

import { {{Operator}} } from "./operator.js";

test("it follows the values", () => {
    assert.deepEqual(run({{Operator}}, { alpha: "0.5" }, [Records.eachSecond([4, 0, 2])]).values("value"), [4, 2, 2]);
});

test("however it is cut into batches and goes on from snapshots, it is the same", () => {
    const records = Records.of({ host: "utf8", value: "float64" }, []);
    for (let i = 0; i < 60; i++) {
        records.push(BigInt(i) * SECOND, ["web1", "web2", "web3"][i % 3], i);
    }
    checkDeterminism({{Operator}}, { alpha: "0.2", by: "host" }, [records]);
});
