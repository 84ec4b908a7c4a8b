// A Rivulet conversation over Laravel Echo: subscribes, folds the events into messages, comes back without a gap.
// Copy this file into your own application; it needs nothing but Echo (or pusher-js, see `bind`).

const EVENTS = ["snapshot", "resumed", "message", "reply", "token", "done", "stopped", "interrupted", "error", "conversation", "deleted"];

/** What the events make of a conversation: `messages`, each with `text` and `status`. */
export class Conversation {
  messages = [];
  /** Where this stands. Opaque: keep it, hand it back, do no arithmetic with it. */
  cursor = null;
  deleted = false;
  #parts = "";

  /** Takes the data of an event, as Echo hands it over. */
  take(data) {
    // What is longer than a frame comes in parts, which mean something only together.
    if (data.parts) {
      this.#parts = data.part === 1 ? data.json : this.#parts + data.json;
      if (data.part === data.parts) this.take(JSON.parse(this.#parts));
      return;
    }
    this.#apply(data);
    if (data.id) this.cursor = data.id;
  }

  #apply(event) {
    const reply = this.messages.find((message) => message.id === event.reply);
    switch (event.type) {
      case "snapshot":
        this.messages = event.messages;
        break;
      case "message":
        this.#place(event.message);
        break;
      case "reply":
        this.#place({ id: event.reply, parent: event.parent, role: "assistant", text: "", status: "streaming" });
        break;
      case "token":
        if (reply) reply.text += event.text;
        break;
      case "done":
      case "stopped":
      case "interrupted":
        if (reply) reply.status = event.type;
        break;
      case "error":
        if (reply) Object.assign(reply, { status: "failed", error: event.message });
        break;
      case "deleted":
        this.deleted = true;
    }
  }

  /** Behind its parent: what stood there belongs to another branch. */
  #place(message) {
    const known = this.messages.findIndex((other) => other.id === message.id);
    if (known >= 0) {
      this.messages[known] = message;
      return;
    }
    const parent = this.messages.findIndex((other) => other.id === message.parent);
    this.messages.splice(parent + 1, Infinity, message);
  }
}

/** Follows with Echo. `changed` is called after each event, `failed` where the server does not let this page in. */
export function follow(echo, id, changed, failed = () => {}) {
  const conversation = new Conversation();
  const channel = echo.private(`conversations.${id}`).error(failed);
  for (const name of EVENTS) {
    // The dot: an event's name as it is, without Laravel's namespace before it.
    channel.listen(`.${name}`, (data) => {
      conversation.take(data);
      changed(conversation);
    });
  }
  return conversation;
}

/**
 * The Pusher option `channelAuthorization`: asks `endpoint` for a signature, and says how far a channel has come. After the
 * connection was lost the server then sends only what is missing (`resumed`), and else the whole conversation (`snapshot`).
 */
export function resuming(conversations, endpoint = "/broadcasting/auth", headers = {}) {
  return {
    customHandler({ socketId, channelName }, callback) {
      const body = new URLSearchParams({ socket_id: socketId, channel_name: channelName });
      fetch(endpoint, { method: "POST", headers: { Accept: "application/json", ...headers }, body })
        .then(async (answer) => {
          if (!answer.ok) throw new Error(`${endpoint} answered ${answer.status}`);
          const signed = await answer.json();
          const cursor = conversations.get(channelName)?.cursor;
          callback(null, cursor ? { ...signed, channel_data: JSON.stringify({ cursor }) } : signed);
        })
        .catch((error) => callback(error, null));
    },
  };
}
