import { routes } from "@confab/contracts";
import { eventually } from "@confab/testkit";
import { expect } from "chai";
import { mountStream, type EventStream } from "../src/index.ts";
import { connectRaw, type RawConnection } from "./raw.ts";
import { someToken, startApp, type TestApp } from "./start-app.ts";

const mebibyte = 1024 * 1024;
/** An event that does not fit into the kernel buffers of both sides. */
const large = Buffer.alloc(24 * mebibyte, ":");
const maxBytes = 64 * mebibyte;

describe("streams whose clients read nothing", function () {
  this.timeout(60_000);
  let app: TestApp;
  let streams: { sink: EventStream; isClosed: boolean }[] = [];
  let connections: RawConnection[] = [];
  const start = async (timeoutMs: number): Promise<void> => {
    app = await startApp(
      (router) => {
        mountStream(router, routes.streamMessages, ({ start }) => {
          const stream = { isClosed: false, sink: start(() => (stream.isClosed = true)) };
          streams.push(stream);
          return Promise.resolve();
        });
      },
      { unread: { maxBytes, timeoutMs } },
    );
  };
  afterEach(async () => {
    for (const { socket } of connections) socket.destroy();
    [streams, connections] = [[], []];
    await app.stop();
  });

  async function open() {
    const connection = await connectRaw(app.port);
    connections.push(connection);
    const at = streams.length;
    connection.socket.write(`GET /applications/${someToken}/chats/1/messages/stream HTTP/1.1\r\nHost: x\r\n\r\n`);
    await eventually(() => expect(streams).to.have.length(at + 1));
    return { ...connection, stream: streams[at]! };
  }
  async function openUnread() {
    const opened = await open();
    opened.socket.pause();
    expect(opened.stream.sink.hasRoom(large.length)).to.equal(true);
    expect(opened.stream.sink.write(large), "not taken").to.equal(false);
    expect(opened.stream.sink.hasUnread()).to.equal(true);
    return opened;
  }

  it("hold a bounded sum of bytes; large events of all then wait, and small ones do not", async () => {
    await start(60_000);
    const unread = [await openUnread(), await openUnread()];
    const { stream, received } = await open();
    expect(stream.sink.hasRoom(large.length)).to.equal(false);
    expect(stream.sink.hasRoom(1_024)).to.equal(true);
    stream.sink.write(Buffer.from("event: hello\n\n"));
    await eventually(() => expect(received()).to.include("hello"));
    unread[0]!.socket.resume();
    await eventually(() => expect(unread[0]!.stream.sink.hasUnread()).to.equal(false));
    await unread[0]!.stream.sink.drained();
    expect(stream.sink.hasRoom(large.length)).to.equal(true);
    unread[1]!.socket.destroy();
    await eventually(() => {
      expect(unread[1]!.stream.isClosed).to.equal(true);
      expect(stream.sink.hasRoom(0.75 * maxBytes)).to.equal(true);
    });
  });

  it("end when others need the room, the oldest first", async () => {
    await start(1_000);
    const [oldest, other] = [await openUnread(), await openUnread()];
    const { stream } = await open();
    await eventually(async () => {
      await stream.sink.drained();
      expect(stream.sink.hasRoom(large.length)).to.equal(true);
    });
    await eventually(() =>
      expect([oldest, other].map(({ stream: { isClosed } }) => isClosed)).to.deep.equal([true, false]),
    );
  });

  it("make others wait without reading, and let them continue in turn", async () => {
    await start(60_000);
    const unread = [await openUnread(), await openUnread(), await open()];
    unread[2]!.socket.pause();
    unread[2]!.stream.sink.write(large);
    const [first, second] = [await open(), await open()];
    const order: string[] = [];
    const waiting = [
      first.stream.sink.drained().then(() => order.push("first")),
      second.stream.sink.drained().then(() => order.push("second")),
    ];
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(order).to.deep.equal([]);
    for (const { socket } of unread.slice(1)) socket.destroy();
    await Promise.all(waiting);
    expect(order).to.deep.equal(["first", "second"]);
  });
});
