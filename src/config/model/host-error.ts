/** What a host refuses or could not do. */
import { Refusal } from './refusal.ts';

export { messageOf } from './refusal.ts';

export class HostError extends Refusal {
  override readonly name = 'HostError';
}
