/** Listeners and controllers: connections that leave the machine need TLS. */
import { isLocal } from '../model/local-endpoint.ts';
import { type Path, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import type { Lenient } from '../schema/shape.ts';

const EXPECTED = 'a loopback address, or tls with ca, cert and key';

export function checkFleet(view: Lenient<ConfigInput>, report: Report): void {
  if (view.tls !== undefined) return;
  const check = (address: string | undefined, path: Path): void => {
    if (address === undefined || isLocal(address)) return;
    report(path, `${show(address)} without tls`, EXPECTED);
  };
  check(view.listen?.agents, ['listen', 'agents']);
  check(view.listen?.http, ['listen', 'http']);
  for (const [i, controller] of (view.controllers ?? []).entries()) check(controller, ['controllers', i]);
}
