/** Stores by what a user calls them: a folder, or `s3://BUCKET/PREFIX`. */
import { FolderStore } from "./folder-store.js";
import { openS3Identity, openStoreFolder, readS3Identity, readStoreFolder, type StoreIdentity } from "./identity.js";
import type { RetryOptions } from "./retry.js";
import { isS3Place, s3Place } from "./s3-place.js";
import { S3Store } from "./s3-store.js";
import type { OwnStore } from "./store.js";

export interface OpenedStore extends Pick<StoreIdentity, "id" | "token"> {
  readonly store: OwnStore;
}

/** Makes the store that a user names, unless it is there. */
export async function openOwnStore(place: string, options: RetryOptions = {}): Promise<OpenedStore> {
  if (!isS3Place(place)) return { ...openStoreFolder(place), store: new FolderStore(place) };
  const store = new S3Store(s3Place(place), options);
  return { ...(await openS3Identity(store, options)), store };
}

/** The store that a user names. @throws PhinetsError `store.identity` where there is none */
export async function readStore(place: string, options: RetryOptions = {}): Promise<OpenedStore> {
  if (!isS3Place(place)) return { ...readStoreFolder(place), store: new FolderStore(place) };
  const store = new S3Store(s3Place(place), options);
  return { ...(await readS3Identity(store, options)), store };
}
