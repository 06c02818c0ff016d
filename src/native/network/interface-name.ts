/** IFNAMSIZ of linux/if.h, the terminating zero included. */
export const INTERFACE_NAME_BYTES = 16;

/** Throws unless `name` can be an interface's name: 1 to 15 bytes, no blank, "/" or "%", not "." or "..". */
export function checkInterfaceName(name: string): void {
  if (!/^[\x21-\x7e]{1,15}$/.test(name) || /[/%:]/.test(name) || name === '.' || name === '..')
    throw new RangeError(
      `interface name "${name}": expected 1 to 15 printable characters without "/", ":" or "%"`,
    );
}
