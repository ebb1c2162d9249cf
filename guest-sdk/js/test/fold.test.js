// What a fold is given.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Fold } from "dag-guest";
import { checkFold, fold, Records, scan, SECOND } from "dag-guest/harness";

/** The time of the last value. */
class LastTime extends Fold {
    static about = { name: "last_time", doc: "When the last value was.", example: "last_time(x, 1h)" };
    static value = "any";
    static result = "timestamp";
    static state = { time: "timestamp?" };
    time = null;
    update(value, time) {
        this.time = time;
    }
    combine(later) {
        this.time = later.time ?? this.time;
    }
    result() {
        return this.time;
    }
}

test("a fold that asks for times gets each value's", () => {
    const records = Records.eachSecond([1, null, 3, null]);
    assert.equal(fold(LastTime, {}, records), 2n * SECOND);
    assert.deepEqual(scan(LastTime, {}, records), [0n, 0n, 2n * SECOND, 2n * SECOND]);
    checkFold(LastTime, {}, records);
});

test("a fold whose state is not complete is found", () => {
    class Forgets extends LastTime {
        static state = { other: "int64" };
        other = 0;
    }
    assert.throws(() => checkFold(Forgets, {}, Records.eachSecond([1, 2, 3, 4])), /from a saved state/);
});
