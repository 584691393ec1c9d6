// The page in a cell of a notebook: requests go to the kernel as messages.
export default {
  render({ model, el }) {
    const waiting = new Map();
    let last = 0;
    model.on("msg:custom", (message) => {
      const answered = waiting.get(message.id);
      if (!answered) return;
      waiting.delete(message.id);
      if (message.error) answered.reject(new Error(message.error));
      else answered.resolve(message.state);
    });
    const ask = (method, ...values) =>
      new Promise((resolve, reject) => {
        const id = `${Date.now()}-${last++}`;
        waiting.set(id, { resolve, reject });
        model.send({ id, method, values });
      });
    const main = document.createElement("div");
    main.className = "skmix";
    el.append(main);
    const methods = ["state", "answer", "skip", "undo"];
    const api = Object.fromEntries(methods.map((name) => [name, (...values) => ask(name, ...values)]));
    mount(main, api, model.get("settings"));
  },
};
