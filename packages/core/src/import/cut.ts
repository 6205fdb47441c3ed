/** A network that ends before its file does: at tensors that the caller names, of which nothing beyond is looked at. */
import { nearest, PhinetsError } from "../tensor/index.js";

interface CutOperator<Tensor> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** The operators, in the file's order, that make some tensors. */
export function operatorsFor<Tensor, O extends CutOperator<Tensor>>(
  operators: readonly O[],
  tensors: Iterable<Tensor>,
): O[] {
  const needed = new Set(tensors);
  const kept = operators.toReversed().filter(({ inputs, outputs }) => {
    // What is left out has no name, or the number -1.
    if (!outputs.some((each) => each !== "" && each !== -1 && needed.has(each))) return false;
    for (const each of inputs) needed.add(each);
    return true;
  });
  return kept.reverse();
}

interface Named<Tensor> {
  readonly file: string;
  /** Tensors by name that operators make. */
  readonly made: ReadonlyMap<string, Tensor>;
}

/** Names that are shown for one that there is not. */
const mostShown = 5;

/** Tensors by the names that `--outputs` gives. Throws PhinetsError `import.outputs` for what no operator makes, with names that are like it. */
export function tensorsNamed<Tensor>(names: readonly string[], { file, made }: Named<Tensor>): Tensor[] {
  const fail = (problem: string): never => {
    throw new PhinetsError("import.outputs", `${file}: ${problem}`, file);
  };
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) fail(`--outputs names "${repeated.slice(0, 100)}" twice; each is one output`);
  return names.map((name) => {
    const tensor = made.get(name);
    if (tensor !== undefined) return tensor;
    const near = namesLike(name, [...made.keys()]).map((each) => `"${each.slice(0, 100)}"`);
    const hint = near.length > 0 ? `like it: ${near.join(", ")}` : `it makes ${made.size} others`;
    return fail(`no operator makes a tensor "${name.slice(0, 100)}", which --outputs names; ${hint}`);
  });
}

/** Names that contain a word, the last first as heads are at the end; else the nearest one. */
function namesLike(word: string, names: readonly string[]): string[] {
  const part = word.toLowerCase();
  const containing = names.filter((name) => name.toLowerCase().includes(part)).reverse();
  if (containing.length > 0) return containing.slice(0, mostShown);
  const near = nearest(word, names);
  return near === undefined ? [] : [near];
}

/** A name that a shell and a list with commas take as it is. */
const plain = /^[\w./:-]{1,100}$/;
/** More are no head's. */
const mostEnds = 12;

interface Refused<Tensor, O extends CutOperator<Tensor>> {
  readonly operators: readonly O[];
  /** Operators that cannot be imported, or read what such ones make. */
  readonly refused: ReadonlySet<O>;
  /** Tensors that the network may end at. */
  isEnd(tensor: Tensor): boolean;
  nameOf(tensor: Tensor): string | undefined;
  /** What the whole file gives. */
  readonly outputs: readonly Tensor[];
}

/**
 * Where to cut a network off before operators that cannot be imported, as the rest of a sentence with the option to give;
 * nothing where no network is left or the names are no plain ones.
 */
export function cutAdvice<Tensor, O extends CutOperator<Tensor>>(of: Refused<Tensor, O>): string {
  const { operators, refused, outputs } = of;
  const made = new Set(operators.filter((each) => !refused.has(each)).flatMap((each) => each.outputs));
  const read = operators.filter((each) => refused.has(each)).flatMap(({ inputs }) => inputs);
  const ends = [...new Set([...read, ...outputs])].filter((each) => made.has(each) && of.isEnd(each));
  const names = ends.map((each) => of.nameOf(each) ?? "");
  const isPlain = names.every((name, i) => plain.test(name) && names.indexOf(name) === i);
  if (ends.length === 0 || ends.length > mostEnds || !isPlain) return "";
  const kept = operatorsFor(operators, ends).length;
  return `; or end the network before them, which keeps ${kept} of ${operators.length} operators: --outputs ${names.join()}`;
}
