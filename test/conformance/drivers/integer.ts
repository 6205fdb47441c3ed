/** int8 in this process: the interpreter, which shows every value, and the engine. */
import { IntegerEngine, IntegerInterpreter } from "@phinets/core/inference";
import type { IntegerForm } from "../case.js";
import { byName, type IntegerDriver, oneByOne } from "../driver.js";

export const integerInterpreter: IntegerDriver = {
  ...{ name: "integer interpreter", kind: "int8" },
  run: oneByOne(({ network, inputs }: IntegerForm) => {
    const interpreter = new IntegerInterpreter(network);
    const [first, second] = inputs.map((input) => {
      const values = new Map<string, Int8Array>();
      interpreter.run(input, (name, value) => values.set(name, value.slice()));
      return values;
    });
    return new Map([...first].map(([name, value]) => [name, Int8Array.of(...value, ...second.get(name)!)]));
  }),
};

export const integerEngine: IntegerDriver = {
  ...{ name: "int8 engine", kind: "int8" },
  run: oneByOne((form: IntegerForm) => {
    const engine = new IntegerEngine(form.network);
    return byName(
      form,
      form.inputs.map((input) => engine.run(input)),
    );
  }),
};
