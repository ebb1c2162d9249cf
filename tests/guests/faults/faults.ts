// The six faults that `dag test` must find, as its users write them in TypeScript.
import { component, eachNumber, Transform } from "dag-guest";
import type { Batch, Inputs, Opening, Output } from "dag-guest";

/** A transform of one column `value`. */
abstract class Plain extends Transform {
    open(): Opening {
        return { schema: [{ name: "value", type: "float64" }], order: "time", lookback: "unbounded" };
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

export default component("faults-ts", "1.0.0", [Batches, Forgotten, Unordered, Backwards, Unseeded, Global]);
