/** A request that a host refused or failed to carry out. */
import { Refusal } from './refusal.ts';

export { messageOf } from './refusal.ts';

export class HostError extends Refusal {
  override readonly name = 'HostError';
}
