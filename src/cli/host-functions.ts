/**
 * What the CLI calls in the host room directly instead of over the API. Loaded when needed: they bring the
 * native library and the datapath, which the other commands don't pay for.
 */

interface UpOptions {
  configPath: string;
  runDir: string;
  detach: boolean;
  replace: boolean;
}

interface ReplayOptions {
  pcapPath: string;
  port?: string;
  configPath: string;
  outPath: string;
}

/** All of them answer with the exit code. */
export const hostUp = async (options: UpOptions): Promise<number> =>
  (await load<{ up(options: UpOptions): Promise<number> }>('up')).up(options);

export const hostController = async (options: UpOptions): Promise<number> =>
  (await load<{ controllerUp(options: UpOptions): Promise<number> }>('controller-process')).controllerUp(
    options,
  );

export const hostDown = async (options: { runDir: string }): Promise<number> =>
  (await load<{ down(options: { runDir: string }): Promise<number> }>('down')).down(options);

export const hostReplay = async (options: ReplayOptions): Promise<number> =>
  (await load<{ replay(options: ReplayOptions): Promise<number> }>('replay')).replay(options);

const load = async <Module>(name: string): Promise<Module> =>
  (await import(new URL(`../host/${name}.js`, import.meta.url).href)) as Module;
