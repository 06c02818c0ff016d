# Runs a command in a terminal of its own: in-terminal.py COLUMNS ROWS COMMAND...
# Lines on stdin are keys to type (Python escapes); what the command writes goes to stdout. At the end a line says whether
# the terminal's settings are as they were, and how the command ended.
import fcntl, os, pty, select, struct, sys, termios

columns, rows, *command = sys.argv[1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.execvp(command[0], command)
keys = [sys.stdin.fileno()]
status = None
while status is None:
    ready, _, _ = select.select([master, *keys], [], [], 0.05)
    if master in ready:
        os.write(1, os.read(master, 65536))
    if keys and keys[0] in ready:
        text = os.read(keys[0], 65536).decode()
        if text == '':
            keys = []
        for line in text.splitlines():
            if line.startswith('signal '):
                os.kill(pid, int(line.split()[1]))
            else:
                os.write(master, line.encode().decode('unicode_escape').encode('latin-1'))
    done, code = os.waitpid(pid, os.WNOHANG)
    if done == pid:
        status = code
while select.select([master], [], [], 0.1)[0]:
    os.write(1, os.read(master, 65536))
same = termios.tcgetattr(slave) == before
print(f'\nterminal {"as before" if same else "changed"}, status {status}', flush=True)
