// The six faults that `dag test` must find, as its users write them in TypeScript, and one that fails when it is asked to.
import { component, eachNumber, parameter, Transform } from "dag-guest";
import type { Arguments, Batch, Inputs, Opening, Output } from "dag-guest";

const OPENING: Opening = { schema: [{ name: "value", type: "float64" }], order: "time", lookback: "unbounded" };

/** A transform of one column `value`. */
abstract class Plain extends Transform {
    open(): Opening {
        return OPENING;
    }

    process(inputs: Inputs, out: Output) {
        const batch: Batch = inputs.first;
        eachNumber(batch.column(0), (row, value) => out.push(batch.times[row], this.next(value, row)));
    }

    abstract next(value: number, row: number): number;
}

const about = (name: string, doc: string) => ({ name: `${name}_ts`, doc: `Fault: ${doc}`, example: `${name}_ts(x)` });

class Batches extends Plain {
    static readonly about = about("batches", "the output depends on where batches end.");
    next(value: number, row: number) {
        return value + row;
    }
}

class Forgotten extends Plain {
    static readonly about = about("forgotten", "what it remembers is not in its snapshot.");
    private sum = 0;
    next(value: number) {
        return (this.sum += value);
    }
}

class Unordered extends Plain {
    static readonly about = about("unordered", "the order of a map that a snapshot does not keep reaches the output.");
    private seen = new Map<number, true>();
    next(value: number) {
        this.seen.delete(value);
        this.seen.set(value, true);
        return [...this.seen.keys()][0];
    }
    snapshot() {
        return [new Uint8Array(Float64Array.from([...this.seen.keys()].sort((a, b) => a - b)).buffer)];
    }
    restore(_version: number, [chunk]: Uint8Array[]) {
        this.seen = new Map(Array.from(new Float64Array(chunk.slice().buffer), (value) => [value, true]));
    }
}

class Backwards extends Plain {
    static readonly about = about("backwards", "its hold goes back.");
    private held = 1_000_000_000n;
    next(value: number) {
        return value;
    }
    process(inputs: Inputs, out: Output) {
        super.process(inputs, out);
        this.held -= 1n;
        out.hold(this.held);
    }
}

/** Taken out before the SDK puts the host's generator in its place. */
const unseeded = Math.random;

class Unseeded extends Plain {
    static readonly about = about("unseeded", "it draws from a generator that the host has not seeded.");
    next(value: number) {
        return value + unseeded();
    }
}

let calls = 0;

class Global extends Plain {
    static readonly about = about("global", "a global outlives its computation.");
    open() {
        calls += 1;
        return super.open();
    }
    next(value: number) {
        calls += 1;
        return value + calls;
    }
    snapshot(): Uint8Array[] {
        return [];
    }
}

class Failing extends Transform {
    static readonly about = { name: "failing_ts", doc: "Fails as its argument says, at the record whose value is 3.", example: "failing_ts(x)" };
    static readonly parameters = { how: parameter.text({ doc: "How.", positional: true }) };
    private how!: string;

    open({ how }: Arguments<typeof Failing.parameters>): Opening {
        this.how = how;
        return OPENING;
    }

    process(inputs: Inputs, out: Output) {
        const batch: Batch = inputs.first;
        eachNumber(batch.column(0), (row, value) => out.push(batch.times[row], value === 3 ? this.fail() : value));
    }

    private fail(): never {
        if (this.how === "error") {
            throw new TypeError("three is too many");
        }
        throw "just text";
    }
}

export default component("faults-ts", "1.0.0", [Batches, Forgotten, Unordered, Backwards, Unseeded, Global, Failing]);
