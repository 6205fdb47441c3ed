/**
 * Ends an imported network before the end of its file, at tensors that the caller names. Everything beyond is ignored.
 */
import { nearest, PhinetsError } from "../tensor/index.js";

interface CutOperator<Tensor> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** The operators needed to make the given tensors, in the file's order. */
export function operatorsFor<Tensor, O extends CutOperator<Tensor>>(
  operators: readonly O[],
  tensors: Iterable<Tensor>,
): O[] {
  const needed = new Set(tensors);
  const kept = operators.toReversed().filter(({ inputs, outputs }) => {
    // Omitted tensors have an empty name or the index -1.
    if (!outputs.some((each) => each !== "" && each !== -1 && needed.has(each))) return false;
    for (const each of inputs) needed.add(each);
    return true;
  });
  return kept.reverse();
}

interface Named<Tensor> {
  readonly file: string;
  /** By name, the tensors that operators make. */
  readonly made: ReadonlyMap<string, Tensor>;
}

/** Most similar names to show for an unknown one. */
const mostShown = 5;

/**
 * The tensors that `--outputs` names. Throws PhinetsError `import.outputs`, with similar names, for a name that no
 * operator makes.
 */
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

/** Names that contain a word, the last first, since heads are at the end; otherwise the nearest name. */
function namesLike(word: string, names: readonly string[]): string[] {
  const part = word.toLowerCase();
  const containing = names.filter((name) => name.toLowerCase().includes(part)).reverse();
  if (containing.length > 0) return containing.slice(0, mostShown);
  const near = nearest(word, names);
  return near === undefined ? [] : [near];
}

/** A name that needs no quoting in a shell or in a list with commas. */
const plain = /^[\w./:-]{1,100}$/;
/** A network with more ends has no known head. */
const mostEnds = 12;

interface Refused<Tensor, O extends CutOperator<Tensor>> {
  readonly operators: readonly O[];
  /** Operators that cannot be imported, or that read the results of such operators. */
  readonly refused: ReadonlySet<O>;
  /** Whether the network may end at a tensor. */
  isEnd(tensor: Tensor): boolean;
  nameOf(tensor: Tensor): string | undefined;
  /** Outputs of the whole file. */
  readonly outputs: readonly Tensor[];
}

/**
 * Advice on where to end the network before the operators that cannot be imported, as the end of a sentence with the
 * option to give. Empty where no network would remain or a name would need quoting.
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
