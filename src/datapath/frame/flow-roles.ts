/** Which side of a balanced flow a frame may come from, by what it carries. */
import { isIcmp } from './echo.ts';
import type { Frame } from './frame.ts';

/** Whether the frame may belong to a flow, from its client; of ICMP, only echo requests may. */
export const asksService = (frame: Frame): boolean =>
  (frame.l4 !== 0 || frame.fragment) && (!isIcmp(frame.protocol) || frame.isEchoRequest);

/** Whether the frame may belong to a flow, from its member; for a later fragment, its datagram's first one decides. */
export const mayAnswer = (frame: Frame): boolean =>
  frame.fragment || (frame.l4 !== 0 && (!isIcmp(frame.protocol) || frame.isEchoReply));
