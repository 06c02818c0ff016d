/** File names in a configuration are relative to the directory of the configuration file, not to that of the process. */
import { dirname, resolve } from 'node:path';
import type { Configuration } from './model/model.ts';

/** The absolute form of `name` in the configuration `file`. */
export const besideFile = (file: string, name: string): string => resolve(dirname(resolve(file)), name);

/** The same configuration with absolute file names. */
export function withAbsoluteNames(file: string, configuration: Configuration): Configuration {
  const { tls, store } = configuration;
  const absolute = (name: string): string => besideFile(file, name);
  return {
    ...configuration,
    ...(tls && { tls: { ca: absolute(tls.ca), cert: absolute(tls.cert), key: absolute(tls.key) } }),
    ...(store && { store: absoluteStore(store, absolute) }),
  };
}

function absoluteStore(
  store: NonNullable<Configuration['store']>,
  absolute: (name: string) => string,
): NonNullable<Configuration['store']> {
  if (store.kind === 'file') return { ...store, dir: absolute(store.dir) };
  const { tls } = store;
  if (tls === undefined || tls === 'none') return store;
  const { ca, cert, key } = tls;
  return {
    ...store,
    tls: {
      ca: absolute(ca),
      ...(cert !== undefined && { cert: absolute(cert) }),
      ...(key !== undefined && { key: absolute(key) }),
    },
  };
}
