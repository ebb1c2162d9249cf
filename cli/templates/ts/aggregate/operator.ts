import { component, Fold } from "dag-guest";

/** `{{operator}}(x, 10s)`: the root mean square. Change it into what you need. An instance is what each window of each key holds. */
export class {{Operator}} extends Fold {
    static readonly about = { name: "{{operator}}", doc: "The root mean square.", example: "{{operator}}(voltage, 10s, by=host)" };
    static readonly value = "number";
    static readonly result = "float64";
    /** The fields that are kept over a crash; another set of them needs another `stateWritten`. */
    static readonly state = { squares: "float64", count: "int64" } as const;

    squares = 0;
    count = 0;

    /** Takes the next value. */
    update(value: number) {
        this.squares += value * value;
        this.count += 1;
    }

    /** Takes what was held elsewhere of the values that come later. */
    combine(later: {{Operator}}) {
        this.squares += later.squares;
        this.count += later.count;
    }

    /** The result so far. */
    result(): number | null {
        return this.count > 0 ? Math.sqrt(this.squares / this.count) : null;
    }
}

export default component("{{project}}", "1.0.0", [{{Operator}}]);
