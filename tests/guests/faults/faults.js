// Every fault that `dag test` must find, and the errors and the loads that tests of the runtime ask for, each as an operator.
import { component, eachNumber, Fold, parameter, Transform } from "dag-guest";

/** A transform of one column `value`. */
class Plain extends Transform {
    static order = "time";

    open() {
        const { order } = this.constructor;
        return { schema: [{ name: "value", type: "float64" }], order, lookback: order === "log" ? "none" : "unbounded" };
    }

    process(inputs, out) {
        const batch = inputs.first;
        eachNumber(batch.column(0), (row, value) => out.push(batch.times[row], this.next(value, row, batch)));
    }
}

const about = (name, doc) => ({ name: `${name}_js`, doc, example: `${name}_js(x)` });

class Batches extends Plain {
    static about = about("batches", "Fault: the output depends on where batches end.");
    next(value, row) {
        return value + row;
    }
}

class Forgotten extends Plain {
    static about = about("forgotten", "Fault: what it remembers is not in its snapshot.");
    sum = 0;
    next(value) {
        return (this.sum += value);
    }
}

class Unordered extends Plain {
    static about = about("unordered", "Fault: the order of a set that a snapshot does not keep reaches the output.");
    seen = new Set();
    next(value) {
        this.seen.delete(value);
        this.seen.add(value);
        return [...this.seen][0];
    }
    snapshot() {
        return [new Uint8Array(Float64Array.from([...this.seen].sort((a, b) => a - b)).buffer)];
    }
    restore(version, [chunk]) {
        this.seen = new Set(new Float64Array(chunk.slice().buffer));
    }
}

class Backwards extends Plain {
    static about = about("backwards", "Fault: its hold goes back.");
    held = 1_000_000_000n;
    next(value) {
        return value;
    }
    process(inputs, out) {
        super.process(inputs, out);
        this.held -= 1n;
        out.hold(this.held);
    }
}

/** Taken out before the SDK puts the host's generator in its place. */
const unseeded = Math.random;

class Unseeded extends Plain {
    static about = about("unseeded", "Fault: it draws from a generator that the host has not seeded.");
    next(value) {
        return value + unseeded();
    }
}

class Clock extends Plain {
    static about = about("clock", "It reads the clock, which is refused.");
    next(value) {
        return value + Date.now();
    }
}

let calls = 0;

class Global extends Plain {
    static about = about("global", "Fault: a global outlives its computation.");
    open() {
        calls += 1;
        return super.open();
    }
    next(value) {
        calls += 1;
        return value + calls;
    }
    snapshot() {
        return [];
    }
}

class Failing extends Plain {
    static about = about("failing", "Fails as its argument says, at the record whose value is 3.");
    static parameters = { how: parameter.text({ doc: "How.", positional: true }) };
    open({ how }) {
        this.how = how;
        return super.open();
    }
    next(value) {
        if (value === 3) {
            this.fail();
        }
        return value;
    }
    fail() {
        switch (this.how) {
            case "error":
                throw new TypeError("three is too many");
            case "null":
                return null.length;
            case "text":
                throw "just text";
            case "timer":
                return setTimeout(() => {}, 1);
            case "deep":
                return this.fail() + 1;
            case "forever":
                for (;;);
            case "memory":
                for (const all = []; ; ) all.push(new Uint8Array(1 << 20).fill(1));
            case "log":
                return console.warn("three came");
        }
    }
}

class Draws extends Plain {
    static about = about("draws", "The value and a number of the seeded generator.");
    next(value) {
        return value + Math.random();
    }
}

class Last extends Fold {
    static about = about("kept", "The last text: what memory is measured with.");
    static value = "utf8";
    static result = "utf8";
    static state = { last: "utf8?" };
    last = null;
    update(value) {
        this.last = value;
    }
    combine(later) {
        this.last = later.last ?? this.last;
    }
    result() {
        return this.last;
    }
}

export default component("faults-js", "1.0.0", [Batches, Forgotten, Unordered, Backwards, Unseeded, Clock, Global, Failing, Draws, Last]);
