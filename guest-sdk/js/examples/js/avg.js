import { Fold } from "dag-guest";

/** A sum of all numbers that can be counted does not overflow when each is this much smaller. */
const SCALE = 2 ** 64;

/** `avg_js(x, 5min)`: the mean. `wit/examples.md` draws what it remembers, which is the same in every language. */
export class Avg extends Fold {
    static about = { name: "avg_js", doc: "The mean of the values, as float64.", example: "avg_js(cpu_util, 5min, by=host)" };
    static value = "number";
    static result = "float64";
    static state = { sum: "float64", count: "int64", scaled: "boolean" };
    static stateWritten = 2;
    static stateRead = [1, 2];

    sum = 0;
    count = 0;
    /** Whether the sum stands for 2^64 times as much, because it would have overflowed. */
    scaled = false;

    /** Version 1 had no scaled sums. */
    static loadEarlier([sum, count, ...others], row) {
        if (sum?.type !== "float64" || count?.type !== "int64" || others.length > 0) {
            return undefined;
        }
        return Object.assign(new Avg(), { sum: sum.get(row), count: Number(count.get(row)) });
    }

    update(value) {
        this.add(value, false);
        this.count += 1;
    }

    combine(later) {
        this.add(later.sum, later.scaled);
        this.count += later.count;
    }

    result() {
        if (this.count === 0) {
            return null;
        }
        const mean = this.sum / this.count;
        if (!this.scaled || !Number.isFinite(mean)) {
            return mean;
        }
        return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, mean * SCALE));
    }

    add(sum, scaled) {
        const total = this.sum + sum;
        const overflows = !Number.isFinite(total) && Number.isFinite(this.sum) && Number.isFinite(sum);
        if (!this.scaled && !scaled && !overflows) {
            this.sum = total;
            return;
        }
        this.sum = (this.scaled ? this.sum : this.sum / SCALE) + (scaled ? sum : sum / SCALE);
        this.scaled = true;
    }
}
