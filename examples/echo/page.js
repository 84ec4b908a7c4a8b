import { follow, resuming } from "/conversation.js";

const { key, host, port, tls } = await (await fetch("/config.json")).json();
const conversations = new Map();
// Built with a bundler it is: import Echo from "laravel-echo".
const echo = new Echo.default({
  broadcaster: "reverb",
  key,
  wsHost: host,
  wsPort: port,
  wssPort: port,
  forceTLS: tls,
  enabledTransports: ["ws", "wss"],
  channelAuthorization: resuming(conversations),
});

const status = document.querySelector("[role=status]");
const list = document.querySelector("ol");
const said = (text) => (status.textContent = text);
echo.connector.pusher.connection.bind("state_change", ({ current }) => said(current));
echo.connector.pusher.connection.bind("error", (error) => said(error.error?.data?.message ?? "not connected"));

function draw(conversation) {
  list.replaceChildren(
    ...conversation.messages.map((message) => {
      const item = document.createElement("li");
      item.className = message.role;
      item.dataset.status = message.status;
      item.textContent = message.error ? `${message.text}\n${message.error}` : message.text;
      return item;
    }),
  );
}

// The conversation is in the address, so that a reload shows it again.
async function open() {
  if (!location.hash) {
    const made = await fetch("/api/v1/conversations", { method: "POST", body: "{}" });
    location.replace(`#${(await made.json()).id}`);
  }
  const id = location.hash.slice(1);
  const conversation = follow(echo, id, draw, (error) => said(`refused (${error.status ?? error.error})`));
  conversations.set(`private-conversations.${id}`, conversation);
  return id;
}

const id = await open();
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = event.target.elements.text;
  const answer = await fetch(`/api/v1/conversations/${id}/messages`, {
    method: "POST",
    body: JSON.stringify({ content: field.value }),
  });
  if (answer.ok) field.value = "";
  else said((await answer.json()).detail);
});
