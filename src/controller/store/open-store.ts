/** The store that the configuration names. */
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
  /** Of the store, when it has been read before; absent: as `storeTls` reads it. */
  readonly storeTls?: RenewedTls;
}

/** Read again when its files change (config/certificates.ts). */
interface RenewedTls {
  readonly current: EtcdTls;
  onChange(listener: (material: EtcdTls) => void): void;
}

/**
 * Resolves when the store's state is known. For etcd that may take as long as etcd is away: `signal` gives up.
 * `tls`: of the links to agents. `certificates` watches the store's own. Rejects with TlsFilesError when these cannot
 * be used.
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

/** What `store.tls`, or `tls` in its place, says now and from now on; undefined: a store without TLS. Throws TlsFilesError. */
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
