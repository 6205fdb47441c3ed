/**
 * Labels of files that the user opened in the page. They are read and written here, with the same bytes that the server
 * would write.
 */
import { checkBytes, type EditedBox, type LabelHost, LabelSet, type OpenedTree } from "@phinets/core/data";
import { addToYaml } from "@phinets/node/text";
import { inOwnClasses, type LabelDocument, type SavedDocument, suggestedBoxes } from "../../shared/labels.js";
import { sha256 } from "../files/digest.js";
import { dataHost } from "../files/open.js";
import type { LabelStorage } from "../files/storage.js";
import { addBrowserModel, browserModels, lookWith } from "./browser-models.js";
import type { LabelRequests, PictureName } from "./labels.js";

export interface BrowserLabelsOptions {
  readonly storage: LabelStorage;
  /** The data set, opened once until it is read again. */
  readonly opened: () => Promise<OpenedTree>;
  /** Called with what was saved. */
  readonly onSaved: (saved: SavedDocument) => void;
  readonly address: (name: PictureName) => Promise<string>;
}

export function browserLabels({ storage, opened, onSaved, address }: BrowserLabelsOptions): LabelRequests {
  let known: { readonly of: OpenedTree; readonly labels: Promise<LabelSet> } | undefined;
  const host = hostOf(storage);
  const labelSet = async (): Promise<LabelSet> => {
    const of = await opened();
    if (known?.of !== of) known = { of, labels: LabelSet.of(of, host, storage.tree.name) };
    return known.labels;
  };
  const fileOf = ({ picture }: PictureName) => storage.tree.locate(picture);
  return {
    identity: storage.identity,
    kept: storage.kept,
    address,
    async read(name): Promise<LabelDocument> {
      await storage.begin();
      const labels = await labelSet();
      return { ...(await labels.read(fileOf(name))), picture: name.picture, classes: labels.classes };
    },
    async save(name, { boxes, version, classes }): Promise<SavedDocument> {
      const labels = await labelSet();
      const own: EditedBox[] = await inOwnClasses(labels, boxes, classes);
      const saved = { ...(await labels.save(fileOf(name), own, version)), picture: name.picture };
      const document = { ...saved, classes: labels.classes };
      onSaved(document);
      return document;
    },
    addClass: async (_, name) => (await labelSet()).addClass(name),
    async nextUnlabelled(name) {
      const next = (await labelSet()).nextUnlabelled(fileOf(name));
      return next === undefined ? {} : { picture: next.slice(storage.tree.locate("").length) };
    },
    listModels: async () => browserModels(),
    async suggest(name, model) {
      const { classes } = await labelSet();
      const bytes = await storage.tree.read(name.picture);
      return suggestedBoxes(await lookWith(model, bytes, fileOf(name)), classes);
    },
    addModel: addBrowserModel,
  };
}

function hostOf(storage: LabelStorage): LabelHost {
  const within = (file: string) => file.slice(storage.tree.locate("").length);
  return {
    pictureSize: (file) => dataHost.pictureSize(storage.tree, within(file)),
    async read(file, most) {
      const bytes = await storage.read(within(file));
      if (bytes !== undefined) checkBytes(file, bytes.length, most);
      return bytes;
    },
    requirePlace: () => storage.begin(),
    write: (file, bytes) => storage.write(within(file), bytes),
    digest: sha256,
    addToYaml,
    // Another tab may have the same data set open.
    inTurn: (work) => navigator.locks.request(`phinets-labels ${storage.identity}`, work),
  };
}
