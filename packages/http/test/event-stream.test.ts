import { routes } from "@confab/contracts";
import { eventually, useForAll } from "@confab/testkit";
import { expect } from "chai";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ClientLeft, mount, mountStream, type EventStream } from "../src/index.ts";
import { connectRaw, type RawConnection } from "./raw.ts";
import { someToken, options, startApp } from "./start-app.ts";

const path = `/applications/${someToken}/chats/1/messages/stream`;
const hello = Buffer.from("event: hello\n\n");

describe("a stream of events", () => {
  let streams: { sink: EventStream; isClosed: boolean }[];
  let requests: WeakRef<object>[];
  let slow: PromiseWithResolvers<undefined>;
  const connections: RawConnection[] = [];
  const app = useForAll(() =>
    startApp(
      (router) => {
        router.use((req, res, next) => {
          requests.push(new WeakRef(req), new WeakRef(res));
          next();
        });
        mount(
          router,
          routes.getApplication,
          async () => {
            await slow.promise;
            return { body: {} as never };
          },
          options,
        );
        mountStream(router, routes.streamMessages, ({ start }) => {
          streams.push(open(start));
          return Promise.resolve();
        });
      },
      { stallTimeoutMs: 1_000 },
    ),
  );
  beforeEach(() => {
    [streams, requests, slow] = [[], [], Promise.withResolvers()];
    app.lines.length = 0;
  });
  afterEach(() => {
    for (const { socket } of connections.splice(0)) socket.destroy();
  });

  function open(start: (onClose: () => void) => EventStream) {
    const stream = {
      isClosed: false,
      sink: start(() => {
        stream.isClosed = true;
      }),
    };
    return stream;
  }
  const requestOf = (target: string, version = "1.1") => `GET ${target} HTTP/${version}\r\nHost: x\r\n\r\n`;
  /** Sends a request and waits until `count` streams have begun in total. */
  async function ask(text = requestOf(path), count = 1) {
    const connection = await connectRaw(app.port);
    connections.push(connection);
    connection.socket.write(text);
    await eventually(() => expect(streams).to.have.length(count));
    return { ...connection, stream: streams.at(-1)! };
  }

  it("sends events as they are, also in HTTP 1.0, and closes the connection at its end", async () => {
    for (const version of ["1.1", "1.0"]) {
      streams = [];
      const { stream, closed } = await ask(requestOf(path, version));
      stream.sink.write(hello);
      stream.sink.write(hello);
      stream.sink.end();
      const [head, body] = (await closed).split("\r\n\r\n");
      expect(head).to.match(/^HTTP\/1\.1 200 OK/);
      expect(head)
        .to.include("Connection: close")
        .and.not.match(/transfer-encoding/i);
      expect(body).to.equal(`${hello.toString()}${hello.toString()}`);
      expect(() => stream.sink.write(hello)).to.throw(ClientLeft);
      await eventually(() => expect(stream.isClosed).to.equal(true));
    }
  });

  it("keeps neither its request nor the answer in memory", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { stream, received } = await ask();
    await eventually(() => {
      collect();
      expect(requests.filter((ref) => ref.deref() !== undefined)).to.deep.equal([]);
    });
    stream.sink.write(hello);
    await eventually(() => expect(received()).to.include(hello.toString()));
    expect(stream.isClosed).to.equal(false);
  });

  it("ends when its client leaves or sends nothing more, and logs one line then", async () => {
    for (const leave of ["destroy", "end"] as const) {
      streams = [];
      app.lines.length = 0;
      const { stream, socket } = await ask();
      expect(app.requests()).to.deep.equal([]);
      socket[leave]();
      await eventually(() => expect(stream.isClosed).to.equal(true));
      expect(() => stream.sink.write(hello)).to.throw(ClientLeft);
      expect(app.requests()).to.have.length(1);
      expect(app.requests()[0]).to.include({ status: 200, route: routes.streamMessages.path, chat: 1 });
    }
  });

  it("does not answer what follows on its connection", async () => {
    const { stream, socket, received } = await ask();
    socket.write(requestOf(`/applications/${someToken}`));
    slow.resolve(undefined);
    await eventually(() => {
      stream.sink.write(hello);
      expect(received().split(hello.toString())).to.have.length.above(20);
    });
    expect(received().match(/HTTP\/1\.1/g)).to.have.length(1);
  });

  it("begins after the answers to earlier requests on its connection", async () => {
    const { stream, socket, received } = await ask(requestOf(`/applications/${someToken}`) + requestOf(path));
    stream.sink.write(hello);
    slow.resolve(undefined);
    await eventually(() => expect(received()).to.include(hello.toString()));
    expect(received().match(/HTTP\/1\.1 200/g)).to.have.length(2);
    expect(received().indexOf("{}")).to.be.below(received().indexOf("text/event-stream"));
    socket.destroy();
    await eventually(() => expect(stream.isClosed).to.equal(true));
  });

  it("says when its client has enough to read, and when it has read it", async () => {
    const { stream, socket } = await ask();
    socket.pause();
    const much = Buffer.alloc(64 * 1024, ":");
    while (stream.sink.write(much));
    const drained = stream.sink.drained();
    socket.resume();
    await drained;
    expect(stream.sink.write(hello)).to.equal(true);
    socket.pause();
    while (stream.sink.write(much));
    const left = stream.sink.drained().catch((error: unknown) => error);
    socket.destroy();
    expect(await left).to.be.instanceOf(ClientLeft);
  });

  it("is disconnected if its client reads nothing for a while", async () => {
    const { stream, socket } = await ask();
    socket.pause();
    while (stream.sink.write(Buffer.alloc(64 * 1024, ":")));
    await eventually(() => expect(stream.isClosed).to.equal(true));
  });
});
