/**
 * For `node --input-type=module --eval` in the api's container, with ingest's URL as argument: makes an application and
 * a chat, sends a message through ingest, and prints the message once the api finds it in the database.
 */
export const sendAndRead = `
  import { setTimeout as sleep } from "node:timers/promises";
  const [, ingest] = process.argv;
  const api = "http://127.0.0.1:8082";
  async function call(url, body) {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(url, body === undefined ? {} : init);
    if (!response.ok) throw new Error(url + ": " + response.status + " " + (await response.text()));
    return response.json();
  }
  const { token } = await call(api + "/applications", { name: "image" });
  const { number } = await call(api + "/applications/" + token + "/chats", { name: "image" });
  const body = "hello from the image";
  await call(ingest + "/messages", { application_token: token, chat_number: number, body });
  for (;;) {
    const found = await call(api + "/applications/" + token + "/chats/" + number + "/messages/search?q=from+the");
    if (found.length > 0) { console.log(found[0].body); break; }
    await sleep(100);
  }`;
