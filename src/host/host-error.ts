/** What a host refuses or could not do. */
import { Refusal } from '../config/refusal.ts';

export { messageOf } from '../config/refusal.ts';

export class HostError extends Refusal {
  override readonly name = 'HostError';
}
