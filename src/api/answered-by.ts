/**
 * The paths of the API and which process answers each. A host process returns its own answers or forwards to the
 * controllers; a controller process answers everything except what only a host has.
 */

/**
 * `host`: only a host process, about itself.
 * `process`: the process that receives the request, about itself.
 * `listing`: a host, about itself; a controller, about all of its hosts.
 * `controller`: the leading controller; a host forwards the request.
 * `stream`: only a controller process, as the answer is endless.
 */
export type AnsweredBy = 'host' | 'process' | 'listing' | 'controller' | 'stream';

export const API_PATHS = {
  'GET /metrics': 'process',
  'GET /healthz': 'process',
  'GET /readyz': 'process',
  'GET /v1/status': 'process',
  'GET /v1/events': 'process',
  'POST /v1/reload': 'process',
  'POST /v1/reload/plan': 'process',
  'POST /v1/diff': 'process',
  'POST /v1/down': 'process',
  'POST /v1/captures': 'process',
  'DELETE /v1/captures/:capture': 'process',
  'POST /v1/trace': 'host',
  'GET /v1/ports': 'listing',
  'GET /v1/routers': 'listing',
  'GET /v1/firewalls': 'listing',
  'GET /v1/groups': 'listing',
  'GET /v1/groups/:group': 'listing',
  'GET /v1/rules': 'listing',
  'GET /v1/flows': 'listing',
  'GET /v1/stats': 'listing',
  'GET /v1/agents': 'controller',
  'DELETE /v1/agents/:host': 'controller',
  'GET /v1/confirmation': 'controller',
  'GET /v1/groups/:group/confirmation': 'controller',
  'GET /v1/groups/:group/all-hosts': 'controller',
  'GET /v1/vms': 'controller',
  'GET /v1/groups/:group/policy': 'controller',
  'POST /v1/groups/:group/policy': 'controller',
  'POST /v1/groups/:group/scale': 'controller',
  'POST /v1/groups/:group/members': 'controller',
  'POST /v1/groups/:group/members/:member/weight': 'controller',
  'POST /v1/groups/:group/members/:member/drain': 'controller',
  'POST /v1/groups/:group/members/:member/fail': 'controller',
  'DELETE /v1/groups/:group/members/:member': 'controller',
  'POST /v1/groups/:group/members/:member/reset': 'controller',
  'POST /v1/groups/:group/members/:member/cancel': 'controller',
  'POST /v1/groups/:group/reset': 'controller',
  'GET /v1/groups/:group/watch': 'stream',
} as const satisfies Record<string, AnsweredBy>;

/** `METHOD /path`, as in the table; a segment that starts with `:` takes any value. */
export type ApiPath = keyof typeof API_PATHS;

const entries = Object.entries(API_PATHS).map(([key, answeredBy]) => {
  const [method, path] = key.split(' ') as [string, string];
  return { method, path: path.split('/').slice(1), answeredBy };
});

/** Undefined: no such path. A path with a wrong method is answered, with an error, by the path's process. */
export function answeredBy(request: {
  readonly method: string;
  readonly path: readonly string[];
}): AnsweredBy | undefined {
  const matching = entries.filter(({ path }) => matchesPath(path, request.path));
  return (matching.find(({ method }) => method === request.method) ?? matching[0])?.answeredBy;
}

/** The request's path in the table. */
export function apiPathOf(request: {
  readonly method: string;
  readonly path: readonly string[];
}): ApiPath | undefined {
  const found = entries.find(
    ({ method, path }) => method === request.method && matchesPath(path, request.path),
  );
  return found && (`${found.method} /${found.path.join('/')}` as ApiPath);
}

/** The methods that the table has for this path. */
export const methodsAt = (path: readonly string[]): string[] =>
  entries.filter((entry) => matchesPath(entry.path, path)).map(({ method }) => method);

/** `pattern`: a path of the table, as segments. */
export const matchesPath = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length === path.length &&
  pattern.every((segment, at) => segment.startsWith(':') || segment === path[at]);
