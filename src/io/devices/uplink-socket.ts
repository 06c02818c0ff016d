/** One network's way through an existing interface: a packet socket as a frame device. */
import { closeDescriptor } from '../../native/libc.ts';
import { openPacketSocket, takeLostFrames } from '../../native/network/packet-socket.ts';
import type { FrameDevice } from '../engine.ts';

/** Largest IP packet, and in front of it Ethernet; GSO frames count whole, and the tag is not counted. */
const MAX_FRAME_BYTES = 65_535 + 14;

export interface UplinkSocket {
  readonly device: FrameDevice;
  /** Frames that the kernel had no room to keep for us since the last call. */
  takeLostFrames(): number;
  /** Ends reception and the interface's promiscuity. Detach the device from its engine before. */
  close(): void;
}

/** `vlan`: 802.1Q VID of the network's frames; absent: they are untagged. Errors: SystemError. */
export function openUplinkSocket(interfaceName: string, vlan: number | undefined): UplinkSocket {
  const { fd, vnetHeaderBytes } = openPacketSocket(interfaceName, { vlan: vlan ?? 'untagged' });
  return {
    device: {
      fd,
      vnetHeaderBytes,
      maxFrameBytes: MAX_FRAME_BYTES,
      vlan: vlan ?? 0,
      survivesReadErrors: true,
    },
    takeLostFrames: () => takeLostFrames(fd),
    close: () => closeDescriptor(fd),
  };
}
