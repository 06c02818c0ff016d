/** The store that the configuration names. */
import { isLocal } from '../../config/model/local-endpoint.ts';
import type { StoreConfig } from '../../config/model/model.ts';
import { loadAuthorities, loadTlsFiles, type TlsMaterial } from '../../config/tls-files.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { EtcdOptions } from './etcd-client.ts';
import { EtcdStore } from './etcd-store.ts';
import { FileStore } from './file-store.ts';
import type { Store, StoreLog } from './store.ts';

type EtcdConfig = Extract<StoreConfig, { kind: 'etcd' }>;

/**
 * Resolves when the store's state is known. For etcd that may take as long as etcd is away: `signal` gives up.
 * `tls`: of the links to agents. Rejects with TlsFilesError when the store's own files cannot be used.
 */
export async function openStore(
  config: StoreConfig,
  log: StoreLog,
  runtime: Runtime,
  { signal, tls }: { signal?: AbortSignal; tls?: TlsMaterial } = {},
): Promise<Store> {
  if (config.kind === 'file') return FileStore.open(config, log, runtime);
  const options = { ...config, tls: etcdTls(config, runtime, tls) };
  return EtcdStore.open(options, log, runtime, signal);
}

function etcdTls(
  { tls, endpoints }: EtcdConfig,
  runtime: Runtime,
  agentsTls: TlsMaterial | undefined,
): EtcdOptions['tls'] {
  if (tls === 'none') return undefined;
  if (tls === undefined) return endpoints.every(isLocal) ? undefined : agentsTls;
  const { ca, cert, key } = tls;
  if (cert !== undefined && key !== undefined)
    return loadTlsFiles({ ca, cert, key }, runtime.wallMs(), 'store.tls');
  return { ca: loadAuthorities(ca, 'store.tls') };
}
