import { FlowKey } from '../../src/tables/balancing/flow-key.ts';

/** The key of a flow; `client` in four words, `ports`: client's << 16 | service's. */
export function flowKey(
  balancer: number,
  client: readonly [number, number, number, number],
  ports: number,
  service: number,
  protocol: number,
): FlowKey {
  const key = new FlowKey(balancer);
  key.setClient(...client);
  key.setService(service, ports, protocol);
  return key;
}
