import assert from "node:assert/strict";
import { test } from "node:test";

import { checkFold, fold, Records } from "dag-guest/harness";

import { {{Operator}} } from "./operator.js";

test("the sign does not matter", () => {
    assert.equal(fold({{Operator}}, {}, Records.eachSecond([3, -3])), 3);
});

test("however it is cut into batches and put together, it is the same", () => {
    checkFold({{Operator}}, {}, Records.eachSecond(Array.from({ length: 50 }, (_, i) => i * 0.1)));
});
