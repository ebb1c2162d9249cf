// The three operators that every language has, in JavaScript and in TypeScript.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";

import { checkDeterminism, checkFold, fold, Records, run, scan, SECOND } from "dag-guest/harness";

import { build } from "esbuild";

const MAX = Number.MAX_VALUE;

/** Values of two hosts, one of which has no name. */
const byHost = Records.of(
    { value: "float64", host: "utf8" },
    Array.from({ length: 60 }, (_, i) => [BigInt(i >> 1) * SECOND, i % 11 === 0 ? null : (i * 7) % 20, i % 3 === 0 ? "wéb1" : null]),
);

/** The operators of a language, with this package's classes. */
async function operatorsOf(language) {
    const path = (place) => fileURLToPath(new URL(place, import.meta.url));
    const outfile = path(`../.built/${language}.js`);
    const entry = path(`../examples/${language}/operators.${language}`);
    await build({ entryPoints: [entry], bundle: true, format: "esm", external: ["dag-guest"], outfile, logLevel: "silent" });
    return (await import(outfile)).default.operators;
}

for (const language of ["js", "ts"]) {
    const [Avg, Ema, Sessions] = await operatorsOf(language);
    suite(language, () => examples(Avg, Ema, Sessions));
}

function examples(Avg, Ema, Sessions) {
    test("avg is the mean of what is not null", () => {
        assert.equal(fold(Avg, {}, Records.eachSecond([0, 1, null, 2, 3, 4])), 2);
        assert.equal(fold(Avg, {}, Records.eachSecond([1n, 2n], "int64")), 1.5);
        assert.equal(fold(Avg, {}, Records.eachSecond([null])), null);
        assert.deepEqual(scan(Avg, {}, Records.eachSecond([null, 1, 2])), [null, 1, 1.5]);
    });

    test("the mean of finite numbers is finite", () => {
        assert.equal(fold(Avg, {}, Records.eachSecond([MAX, MAX])), MAX);
        assert.equal(fold(Avg, {}, Records.eachSecond([1e308, 1e308, -1e308, -1e308, 4])), 0.8);
        assert.equal(fold(Avg, {}, Records.eachSecond([MAX, MAX, Infinity])), Infinity);
    });

    test("avg refuses what holds no numbers, and what is not there", () => {
        assert.throws(() => fold(Avg, {}, Records.eachSecond(["a"], "utf8")), { message: "column `value` is utf8, expected a number" });
        const named = { message: "there is no column `x`; the input has `value`; name the column to fold with of=, such as of=value" };
        assert.throws(() => fold(Avg, { of: "x" }, Records.eachSecond([1])), named);
    });

    test("avg keeps what every aggregate promises", () => {
        checkFold(Avg, {}, Records.eachSecond(Array.from({ length: 50 }, (_, i) => (i % 7 > 0 ? i * 0.1 : null))));
        checkFold(Avg, {}, Records.eachSecond(Array.from({ length: 20 }, (_, i) => (i % 2 ? MAX : -i))));
    });

    test("ema averages each key by itself", () => {
        const values = Records.eachSecond([1, 3, null, 5]);
        assert.deepEqual(run(Ema, { alpha: "0.5" }, [values]).values("value"), [1, 2, 3.5]);
        const averages = run(Ema, { alpha: "0.2", by: "host" }, [byHost]);
        assert.deepEqual(averages.schema.map((field) => field.name), ["host", "value"]);
        checkDeterminism(Ema, { alpha: "0.2", by: "host" }, [byHost]);
        assert.throws(() => run(Ema, { alpha: "1.5" }, [values]), { message: "alpha=1.5: it must be more than 0 and at most 1" });
    });

    test("a session ends where the next record is further away than the gap", () => {
        const clicks = Records.of({ user: "utf8" }, [[0n, "a"], [2n, "b"], [5n, "a"], [11n, "a"]]);
        assert.deepEqual(run(Sessions, { gap: "5ns", by: "user" }, [clicks]).toObjects(), [
            { time: 2n, user: "b", start: 2n, end: 2n, count: 1n },
            { time: 5n, user: "a", start: 0n, end: 5n, count: 2n },
            { time: 11n, user: "a", start: 11n, end: 11n, count: 1n },
        ]);
        checkDeterminism(Sessions, { gap: "5ns", by: "user" }, [clicks]);
        checkDeterminism(Sessions, { gap: "3s", by: "host" }, [byHost]);
        assert.throws(() => run(Sessions, { gap: "0s" }, [clicks]), { message: "gap=0s: it must be more than 0" });
    });
}
