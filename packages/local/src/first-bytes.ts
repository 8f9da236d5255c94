import { connect } from "node:net";

/**
 * Returns the first bytes that 127.0.0.1:`port` sends after receiving `send` (empty for a server that greets), or
 * undefined if the connection fails or nothing arrives within 1 s.
 */
export function firstBytes(port: number, send = ""): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const finish = (bytes?: Buffer) => {
      socket.destroy();
      resolve(bytes);
    };
    socket.setTimeout(1000, finish);
    socket.on("error", () => {
      finish();
    });
    socket.on("close", () => {
      finish();
    });
    socket.on("data", finish);
    if (send !== "") socket.write(send);
  });
}
