/** Opens the configured store. */
import { Certificates, type Renewable } from '../../config/certificates.ts';
import { isLocal } from '../../config/model/local-endpoint.ts';
import type { StoreConfig } from '../../config/model/model.ts';
import { loadAuthorities, loadTlsFiles, type TlsMaterial } from '../../config/tls-files.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { EtcdClient, type EtcdTls } from './etcd-client.ts';
import { EtcdStore } from './etcd-store.ts';
import { FileStore } from './file-store.ts';
import { dialTcp } from './leader-presence.ts';
import type { Store, StoreLog } from './store.ts';

export interface StoreContext {
  readonly signal?: AbortSignal;
  readonly tls?: Renewable<TlsMaterial>;
  readonly certificates?: Certificates;
  /** The store's TLS files if they have been read already; absent: read by `storeTls`. */
  readonly storeTls?: RenewedTls;
}

/** Reloaded when its files change (config/certificates.ts). */
interface RenewedTls {
  readonly current: EtcdTls;
  onChange(listener: (material: EtcdTls) => void): void;
}

/**
 * Resolves when the store's state is known. For etcd this waits as long as etcd is away, until `signal` aborts.
 * `tls`: that of the links to agents. `certificates` watches the store's own files. Rejects with TlsFilesError if
 * these are unusable.
 */
export async function openStore(
  config: StoreConfig,
  log: StoreLog,
  runtime: Runtime,
  { signal, tls, certificates = new Certificates(log, runtime), storeTls: known }: StoreContext = {},
): Promise<Store> {
  if (config.kind === 'file') return FileStore.open(config, log, runtime);
  const { endpoints, prefix } = config;
  const material = known ?? storeTls(config, runtime, tls, certificates);
  const client = new EtcdClient({ endpoints, tls: material?.current }, runtime);
  material?.onChange((renewed) => client.useTls(renewed));
  return EtcdStore.open({ client, dial: dialTcp, prefix }, log, runtime, signal);
}

/**
 * The current and future files of `store.tls`, or else of `tls`; undefined: a store without TLS. Throws
 * TlsFilesError.
 */
export function storeTls(
  config: StoreConfig,
  runtime: Runtime,
  agentsTls: RenewedTls | undefined,
  certificates: Certificates,
): RenewedTls | undefined {
  if (config.kind !== 'etcd') return undefined;
  const { tls, endpoints } = config;
  if (tls === 'none') return undefined;
  if (tls === undefined) return endpoints.every(isLocal) ? undefined : agentsTls;
  const { ca, cert, key } = tls;
  if (cert === undefined || key === undefined)
    return certificates.add('store.tls', [ca], () => loadAuthorities(ca, 'store.tls'));
  return certificates.add('store.tls', [cert, key, ca], () =>
    loadTlsFiles({ ca, cert, key }, runtime.wallMs(), 'store.tls'),
  );
}
