/** The store that the configuration names. */
import type { StoreConfig } from '../../config/model.ts';
import { FileStore } from './file-store.ts';
import type { Store, StoreLog } from './store.ts';

/**
 * Resolves when the store's state is known. For etcd that may take as long as etcd is away: `signal` gives up.
 * `tls`: PEM contents, for etcd endpoints behind TLS.
 */
export async function openStore(
  config: StoreConfig,
  log: StoreLog,
  {
    signal,
    tls,
  }: {
    signal?: AbortSignal;
    tls?: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  } = {},
): Promise<Store> {
  if (config.kind === 'file') return FileStore.open(config, log);
  // Reading etcd's protocol description takes a third of a second, which only its users shall wait for.
  const { EtcdStore } = await import('./etcd-store.ts');
  return EtcdStore.open({ ...config, tls }, log, signal);
}
