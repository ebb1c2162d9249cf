import { Fold, type Column } from "dag-guest";

/** A sum of all numbers that can be counted does not overflow when each is this much smaller. */
const SCALE = 2 ** 64;

/** `avg_ts(x, 5min)`: the mean. `wit/examples.md` draws what it remembers, which is the same in every language. */
export class Avg extends Fold {
    static readonly about = { name: "avg_ts", doc: "The mean of the values, as float64.", example: "avg_ts(cpu_util, 5min, by=host)" };
    static readonly value = "number";
    static readonly result = "float64";
    static readonly state = { sum: "float64", count: "int64", scaled: "boolean" } as const;
    static readonly stateWritten = 2;
    static readonly stateRead = [1, 2];

    sum = 0;
    count = 0;
    /** Whether the sum stands for 2^64 times as much, because it would have overflowed. */
    scaled = false;

    /** Version 1 had no scaled sums. */
    static loadEarlier([sum, count, ...others]: Column[], row: number): Avg | undefined {
        if (sum?.type !== "float64" || count?.type !== "int64" || others.length > 0) {
            return undefined;
        }
        return Object.assign(new Avg(), { sum: sum.get(row), count: Number(count.get(row)) });
    }

    update(value: number) {
        this.add(value, false);
        this.count += 1;
    }

    combine(later: Avg) {
        this.add(later.sum, later.scaled);
        this.count += later.count;
    }

    result(): number | null {
        if (this.count === 0) {
            return null;
        }
        const mean = this.sum / this.count;
        if (!this.scaled || !Number.isFinite(mean)) {
            return mean;
        }
        return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, mean * SCALE));
    }

    private add(sum: number, scaled: boolean) {
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
