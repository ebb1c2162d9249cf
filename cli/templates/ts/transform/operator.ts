import { columnOf, component, eachNumber, findColumn, Keyed, parameter, Refusal, takeRows, Transform } from "dag-guest";
import type { Arguments, Input, Inputs, Opening, Output } from "dag-guest";

/** What a key remembers. */
class Average {
    static readonly state = { average: "float64?" } as const;
    average: number | null = null;
}

/** `{{operator}}(x, 0.2, by=host)`: the exponential moving average, per key. Change it into what you need. */
export class {{Operator}} extends Transform {
    static readonly about = { name: "{{operator}}", doc: "The exponential moving average.", example: "{{operator}}(cpu_util, 0.2, by=host)" };
    static readonly parameters = {
        alpha: parameter.number({ doc: "How much the newest value counts: more than 0, at most 1.", positional: true }),
        of: parameter.column({ doc: "The column to smooth; a record where it is null is passed over.", default: "value" }),
        by: parameter.columns({ doc: "Averages apart for each value of these columns, which the output begins with.", optional: true }),
    };
    static readonly key = "by";

    private alpha!: number;
    private column!: number;
    private keys!: Keyed<Average>;

    open({ alpha, of, by }: Arguments<typeof {{Operator}}.parameters>, [input]: Input[]): Opening {
        if (!(alpha > 0 && alpha <= 1)) {
            throw new Refusal(`alpha=${alpha}: it must be more than 0 and at most 1`);
        }
        this.alpha = alpha;
        this.column = findColumn(input.schema, of);
        const { type } = input.schema[this.column];
        if (type !== "int64" && type !== "float64") {
            throw new Refusal(`column \`${of}\` is ${type}, expected a number`);
        }
        this.keys = new Keyed(by, input.schema, Average);
        if (this.keys.fields.some((field) => field.name === "value")) {
            throw new Refusal("by=value: the output has a column `value` of its own; rename the key with map first");
        }
        // In time order; an average depends on all that came before.
        return { schema: [...this.keys.fields, { name: "value", type: "float64" }], order: "time", lookback: "unbounded" };
    }

    process(inputs: Inputs, out: Output) {
        const batch = inputs.first;
        const numbers = this.keys.numbers(batch);
        const rows: number[] = [];
        const averages: number[] = [];
        eachNumber(batch.column(this.column), (row, value) => {
            const key = this.keys.state(numbers[row]);
            key.average = key.average === null ? value : key.average + (value - key.average) * this.alpha;
            rows.push(row);
            averages.push(key.average);
        });
        const kept = [batch.columns[0], ...this.keys.columns.map((column) => batch.column(column))];
        out.append([...takeRows(kept, rows), columnOf("float64", averages)]);
    }

    snapshot() {
        return [this.keys.save()];
    }

    restore(_version: number, chunks: Uint8Array[]) {
        chunks.forEach((chunk) => this.keys.load(chunk));
    }
}

export default component("{{project}}", "1.0.0", [{{Operator}}]);
