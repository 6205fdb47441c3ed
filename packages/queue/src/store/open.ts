/** Opens stores by their names: a folder, or `s3://BUCKET/PREFIX`. */
import { FolderStore } from "./folder-store.js";
import { openS3Identity, openStoreFolder, readS3Identity, readStoreFolder, type StoreIdentity } from "./identity.js";
import type { RetryOptions } from "./retry.js";
import { isS3Place, s3Place } from "./s3-place.js";
import { S3Store } from "./s3-store.js";
import type { OwnStore } from "./store.js";

export interface OpenedStore extends Pick<StoreIdentity, "id" | "token"> {
  readonly store: OwnStore;
}

/** Opens the store of a name, and creates it where it does not exist. */
export async function openOwnStore(place: string, options: RetryOptions = {}): Promise<OpenedStore> {
  if (!isS3Place(place)) return { ...openStoreFolder(place), store: new FolderStore(place) };
  const store = new S3Store(s3Place(place), options);
  return { ...(await openS3Identity(store, options)), store };
}

/** Opens an existing store. @throws PhinetsError `store.identity` where there is none */
export async function readStore(place: string, options: RetryOptions = {}): Promise<OpenedStore> {
  if (!isS3Place(place)) return { ...readStoreFolder(place), store: new FolderStore(place) };
  const store = new S3Store(s3Place(place), options);
  return { ...(await readS3Identity(store, options)), store };
}
