// What asks a person about mixes. `api` has state, answer, skip and undo, each of which
// promises the state after it; `settings` may have an annotator and a consent text.
export function mount(root, api, settings) {
  const TEXTS = {
    infer: ["What do you see?", "Each of them is a mix of two. Say how much of each you see in it, and how sure you are. There is no right answer: what counts is what you see."],
    construct: ["Where is it half and half?", "Move through the mixes to the one that you see as half of each."],
    select: ["Which one is half and half?", "Choose the mix that you see as half of each."],
    soft: ["What is it?", "Each of them may be a mix. Say what it most likely is, perhaps a second class, and what it cannot be."],
  };
  const REASONS = ["I cannot tell", "The picture is broken", "I would rather not say"];
  let name = null;
  let state = null;
  let practising = false;
  let begun = 0;
  let waiting = false;

  // An element with attributes, handlers and children; text is never read as markup.
  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value != null) element.setAttribute(key, value);
    }
    element.append(...children.flat().filter((child) => child != null));
    return element;
  }

  function show(...children) {
    const sheet = h("div", { class: "sheet" }, ...children);
    root.replaceChildren(sheet);
    const heading = sheet.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus();
    return sheet;
  }

  async function run(request) {
    if (waiting) return;
    waiting = true;
    try {
      state = await request();
      next();
    } catch (error) {
      const sheet = root.querySelector(".sheet");
      sheet.querySelector(".error")?.remove();
      sheet.append(h("p", { class: "error", role: "alert" }, `That was not taken: ${error.message} Please try again.`));
    } finally {
      waiting = false;
    }
  }

  function start() {
    const [title, text] = TEXTS[settings.kind] ?? ["How do you see these mixes?", "You will see mixes of pictures or of rows, one after the other, and say what you see in each."];
    const agreed = h("input", { type: "checkbox", id: "agree", required: true });
    const field = h("input", { type: "text", id: "annotator", maxlength: 80, autocomplete: "nickname", required: true });
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          name = settings.annotator ?? field.value.trim();
          if (!name) return field.focus();
          run(async () => {
            const found = await api.state(name);
            practising = found.n_done === 0;
            return found;
          });
        },
      },
      settings.consent ? [h("p", { class: "consent" }, settings.consent), h("label", { class: "check" }, agreed, "I have read this, and agree.")] : null,
      settings.annotator ? null : [h("label", { class: "name", for: "annotator" }, "Your name, or any other by which you can go on later"), field],
      h("div", { class: "buttons" }, h("button", { class: "main", type: "submit" }, "Begin")),
    );
    show(h("h1", {}, title), h("p", {}, text), h("p", { class: "quiet" }, "By mouse, finger or keyboard: Tab and arrows to move, Enter to go on."), form);
  }

  function next() {
    if (practising) return trial(state.practice, null);
    if (state.question) return trial(state.question, state.question.key);
    show(
      h("h1", {}, "That is all. Thank you!"),
      h("p", {}, `${state.n_done} of ${state.n_questions} questions are done. You may close this page.`),
      h("div", { class: "buttons" }, undoButton()),
    );
  }

  function undoButton() {
    return h("button", { type: "button", id: "undo", disabled: state.n_done === 0, onclick: () => run(() => api.undo(name, state.last)) }, "Undo last");
  }

  function picture(frame, shown, id) {
    if (frame.image) return h("img", { src: frame.image, alt: "The mix", id });
    const rows = frame.card.map((part) => {
      const [low, high] = shown.left_is === "b" ? [part.b, part.a] : [part.a, part.b];
      const place = low === high ? 0.5 : (part.value - low) / (high - low);
      const mark = h("div", { class: "mark" });
      mark.style.left = `${100 * Math.min(1.08, Math.max(-0.08, place))}%`;
      const track = shown.left == null ? null : h("td", { class: "track" },
        h("div", { class: "rail", "aria-hidden": "true" }, mark),
        h("div", { class: "typical" }, h("span", {}, `${shown.left}: ${low}`), h("span", {}, `${shown.right}: ${high}`)));
      return h("tr", {}, h("th", { scope: "row" }, part.name), h("td", { class: "value" }, String(part.value)), track);
    });
    const caption = shown.left == null ? "The mixed row" : "The mixed row, and what is typical of either";
    return h("table", { class: "card", id }, h("caption", { class: "quiet" }, caption), h("tbody", {}, rows));
  }

  // A slider that counts once it was touched: by a move, or by space to leave it there.
  function slider(id, question, ends, range, text, changed) {
    const said = h("output", { for: id }, "not set yet");
    const input = h("input", { type: "range", id, min: 0, max: range.max, step: 1, value: range.value, class: "untouched", "aria-describedby": `${id}-ends` });
    const state = { input, touched: false };
    const touch = () => {
      state.touched = true;
      input.classList.remove("untouched");
      said.textContent = text(Number(input.value));
      input.setAttribute("aria-valuetext", said.textContent);
      changed();
    };
    input.setAttribute("aria-valuetext", "not set yet");
    input.addEventListener("input", touch);
    input.addEventListener("pointerup", touch);
    input.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      if (!event.repeat) touch();
    });
    state.node = h("fieldset", {},
      h("label", { class: "name", for: id }, question),
      h("div", { class: "ends", id: `${id}-ends` }, h("span", { class: ends.colour ? "left" : null }, ends.left), h("span", { class: ends.colour ? "right" : null }, ends.right)),
      input, said);
    state.move = (by) => {
      input.value = Number(input.value) + by;
      touch();
    };
    return state;
  }

  function share(shown, value) {
    return `${100 - value} % ${shown.left}, ${value} % ${shown.right}`;
  }

  // Of each kind: the controls, the answer or null, and what to focus where it lacks.
  const KINDS = {
    infer(shown, changed) {
      const what = slider("share", "How much of each do you see?", { left: shown.left, right: shown.right, colour: true }, { max: 100, value: 50 }, (v) => share(shown, v), changed);
      const sure = slider("confidence", "How sure are you?", { left: "a guess", right: "certain" }, { max: 100, value: 50 }, (v) => `${v} % sure`, changed);
      return {
        nodes: [h("figure", {}, picture(shown.frames[0], shown)), what.node, sure.node],
        lacks: () => [what, sure].find((part) => !part.touched)?.input,
        answer: () => {
          const right = Number(what.input.value) / 100;
          return { share: shown.left_is === "a" ? 1 - right : right, confidence: Number(sure.input.value) / 100 };
        },
      };
    },

    construct(shown, changed) {
      const last = shown.frames.length - 1;
      const step = (value) => (shown.left_is === "a" ? last - value : value);
      const figure = h("figure", {});
      const moved = slider("step", "Move to where you see half of each", { left: shown.left, right: shown.right, colour: true }, { max: last, value: step(shown.start) }, (v) => `step ${v + 1} of ${last + 1}`, () => {
        draw();
        changed();
      });
      const draw = () => figure.replaceChildren(picture(shown.frames[step(Number(moved.input.value))], shown));
      draw();
      return {
        nodes: [figure, moved.node, h("p", { class: "quiet" }, "Arrow keys, or g and h.")],
        lacks: () => (moved.touched ? null : moved.input),
        answer: () => ({ step: step(Number(moved.input.value)) }),
        keys: { g: () => moved.move(-1), h: () => moved.move(1) },
      };
    },

    select(shown, changed) {
      const order = shown.frames.map((_, place) => place);
      for (let k = order.length - 1; k > 0; k--) {
        const other = Math.floor(Math.random() * (k + 1));
        [order[k], order[other]] = [order[other], order[k]];
      }
      const inputs = order.map((place, k) => h("input", { type: "radio", name: "step", value: place, "aria-label": `Mix ${k + 1} of ${order.length}`, onchange: changed }));
      const choices = inputs.map((input, k) => h("label", { class: "choice" }, input, h("span", { class: "face" }, picture(shown.frames[order[k]], shown))));
      return {
        nodes: [h("fieldset", {}, h("legend", {}, "Which one is half ", h("span", { class: "left" }, shown.left), " and half ", h("span", { class: "right" }, shown.right), "?"), h("div", { class: "choices" }, choices))],
        lacks: () => (inputs.some((input) => input.checked) ? null : inputs[0]),
        answer: () => ({ step: Number(inputs.find((input) => input.checked).value) }),
      };
    },

    soft(shown, changed) {
      const names = state.class_names;
      const choose = (id, empty) => h("select", { id, onchange: update }, h("option", { value: "" }, empty), names.map((text, place) => h("option", { value: place }, text)));
      const percent = (id, value) => h("input", { type: "number", id, min: 0, max: 100, step: 1, value, inputmode: "numeric", oninput: update });
      const first = choose("first", "Choose"), second = choose("second", "No other");
      const firstShare = percent("first-share", ""), secondShare = percent("second-share", "");
      const out = names.map((text, place) => h("input", { type: "checkbox", value: place, id: `out-${place}`, onchange: update }));
      const note = h("p", { class: "quiet", role: "status" });
      function update() {
        secondShare.disabled = second.value === "";
        out.forEach((box, place) => {
          box.disabled = first.value === String(place) || second.value === String(place);
          if (box.disabled) box.checked = false;
        });
        const sum = chosen().reduce((total, pair) => total + pair[1], 0);
        note.textContent = sum > 1.0001 ? "Together that is more than 100 %." : "";
        changed();
      }
      const chosen = () => [[first, firstShare], [second, secondShare]].filter(([box]) => box.value !== "").map(([box, field]) => [Number(box.value), Number(field.value) / 100]);
      const bad = (field) => field.value === "" || !field.checkValidity();
      secondShare.disabled = true;
      return {
        nodes: [
          h("figure", {}, picture(shown.frames[0], shown)),
          h("div", { class: "pair" }, h("div", {}, h("label", { class: "name", for: "first" }, "Most likely"), first), h("div", {}, h("label", { class: "name", for: "first-share" }, "Percent"), firstShare)),
          h("div", { class: "pair" }, h("div", {}, h("label", { class: "name", for: "second" }, "Perhaps also"), second), h("div", {}, h("label", { class: "name", for: "second-share" }, "Percent"), secondShare)),
          note,
          h("fieldset", {}, h("legend", {}, "It cannot be"), h("div", { class: "many" }, out.map((box, place) => h("label", { class: "check", for: `out-${place}` }, box, names[place])))),
        ],
        lacks: () => {
          if (first.value === "") return first;
          if (bad(firstShare)) return firstShare;
          if (second.value === first.value) return second;
          if (second.value !== "" && bad(secondShare)) return secondShare;
          return note.textContent ? firstShare : null;
        },
        answer: () => ({ chosen: chosen(), impossible: out.filter((box) => box.checked).map((box) => Number(box.value)) }),
      };
    },
  };

  function trial(shown, key) {
    const kind = KINDS[state.kind];
    const submit = h("button", { class: "main", type: "submit", id: "next", disabled: true }, key == null ? "Begin with the first" : "Next");
    const controls = kind(shown, () => (submit.disabled = controls.lacks() != null));
    const go = (event) => {
      event.preventDefault();
      const lacking = controls.lacks();
      if (lacking) return lacking.focus();
      if (key == null) {
        practising = false;
        return next();
      }
      const answer = { ...controls.answer(), rt_ms: Math.min(Math.round(performance.now() - begun), 86400000) };
      run(() => api.answer(name, key, answer));
    };
    const form = h("form", { onsubmit: go, novalidate: true }, controls.nodes, h("div", { class: "buttons" }, key == null ? null : [undoButton(), skipButton()], submit));
    const pressed = (event) => {
      if (skip.contains(event.target)) return;
      // A key that is held down answers nothing.
      if (event.key === "Enter" && event.repeat) return event.preventDefault();
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      const isTyped = ["text", "number"].includes(event.target.type);
      if (event.key === "Enter" && !["BUTTON", "SELECT"].includes(event.target.tagName)) go(event);
      else if (isPlain && !isTyped && controls.keys?.[event.key]) controls.keys[event.key]();
    };
    const skip = h("div", { class: "skip", hidden: true });
    function skipButton() {
      return h("button", { type: "button", id: "skip", "aria-expanded": "false", onclick: (event) => {
        skip.hidden = !skip.hidden;
        event.target.setAttribute("aria-expanded", String(!skip.hidden));
        if (!skip.hidden) skip.querySelector("button").focus();
      } }, "Skip");
    }
    if (key != null) {
      const other = h("input", { type: "text", id: "reason", maxlength: 200 });
      const leave = (reason) => run(() => api.skip(name, key, reason));
      skip.append(
        h("p", { id: "why" }, "Why do you leave it out?"),
        h("div", { class: "buttons" }, REASONS.map((reason) => h("button", { type: "button", onclick: () => leave(reason) }, reason))),
        h("form", { onsubmit: (event) => {
          event.preventDefault();
          if (other.value.trim()) leave(other.value.trim());
          else other.focus();
        } }, h("label", { class: "name", for: "reason" }, "Another reason"), other, h("div", { class: "buttons" }, h("button", { type: "submit" }, "Skip for this reason"))),
      );
    }
    const [title, text] = TEXTS[state.kind];
    const at = `Question ${state.n_done + 1} of ${state.n_questions}`;
    show(
      key == null
        ? h("p", {}, h("span", { class: "practice" }, "Practice: this is not recorded"))
        : h("div", { class: "top" }, h("progress", { max: state.n_questions, value: state.n_done, "aria-label": "Questions done" }), h("span", { class: "quiet" }, at)),
      h("h1", { "aria-label": key == null ? `${title} Practice` : `${title} ${at}` }, title),
      key == null ? h("p", {}, text) : null,
      form,
      skip,
    ).addEventListener("keydown", pressed);
    begun = performance.now();
  }

  start();
}
